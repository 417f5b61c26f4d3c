"""Opening the line that an address names."""

from __future__ import annotations

from unidbg.errors import ConfigError
from unidbg.transport.line import Line
from unidbg.transport.url import Address, ExecAddress, SerialAddress, TcpAddress, UnixAddress


def open_line(address: Address, timeout: float) -> Line:
    """The line, opened; only the module of its kind is imported."""
    if isinstance(address, TcpAddress | UnixAddress):
        from unidbg.transport import sockets

        if isinstance(address, TcpAddress):
            return sockets.open_tcp(address, timeout)
        return sockets.open_unix(address, timeout)
    if isinstance(address, SerialAddress):
        from unidbg.transport.serial import open_serial

        return open_serial(address)
    if isinstance(address, ExecAddress):
        from unidbg.transport.child import open_exec

        return open_exec(address)
    raise ConfigError(f"{address} is not a line of its own")
