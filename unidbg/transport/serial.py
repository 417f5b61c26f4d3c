"""Serial devices, raw, eight bits, no parity. `termios` is imported only when one is opened."""

from __future__ import annotations

import os

from unidbg.errors import ConfigError, TargetGone
from unidbg.transport.line import FdLine
from unidbg.transport.url import SerialAddress


def open_serial(address: SerialAddress) -> FdLine:
    """Open and set up the device. A line of its own speed and noise: not `reliable`."""
    try:
        fd = os.open(address.device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise TargetGone(f"{address.device}: {error.strerror or error}") from None
    try:
        _set_up(fd, address)
    except BaseException:
        os.close(fd)
        raise
    return FdLine(str(address), fd, fd, reliable=False)


def _set_up(fd: int, address: SerialAddress) -> None:
    try:
        import termios
    except ImportError:
        raise ConfigError("serial lines need a Unix host: this Python has no termios") from None
    speed = getattr(termios, f"B{address.baud}", None)
    if speed is None:
        raise ConfigError(f"{address}: this host has no speed of {address.baud} baud")
    try:
        attributes = termios.tcgetattr(fd)
        attributes[0] = attributes[1] = attributes[3] = 0
        attributes[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        attributes[4] = attributes[5] = speed
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
        termios.tcflush(fd, termios.TCIOFLUSH)
    except termios.error as error:
        raise TargetGone(f"{address.device} is no serial line: {error.args[-1]}") from None
