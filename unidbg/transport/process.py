"""A unikernel that was built as a Linux process: start it, and hear what it says of its lines."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Sequence

from unidbg.errors import ConfigError, TargetGone
from unidbg.transport import qemu
from unidbg.transport.network import HOST, Forward
from unidbg.views.record import Record, record

START_SECONDS = 10.0
NETWORK_SECONDS = 3.0
"""Seconds after its stub in which a guest opens its network, if it has one."""
_STUB = re.compile(r"^stub listens on (\S+)$", re.MULTILINE)
_LEADS = re.compile(r"^127\.0\.0\.1:(\d+) leads to (tcp|udp) port (\d+)$", re.MULTILINE)


@record
class Started(Record):
    """A process, where its stub listens, and the forwards that it made."""

    pid: int
    stub: str
    forwards: tuple[Forward, ...]


def start(
    image: str, *, port: int, append: str, forwards: Sequence[Forward], console: str, output: str
) -> Started:
    """Start it, its console in the file `console`, its messages in `output`.

    TargetGone with its own words if it ends at once, ConfigError if it opens no network for the forwards.
    """
    command = [image, "-d", f"{HOST}:{port}", "-a", append]
    for one in forwards:
        command += ["-f", f"{one.protocol}:{one.host_port or free_port(one.protocol)}:{one.guest_port}"]
    pid = qemu.start(command, output=output, console=console)
    try:
        [stub] = _await(pid, output, START_SECONDS, _STUB, 1)
        led = _await(pid, output, NETWORK_SECONDS, _LEADS, len(forwards))
    except BaseException:
        qemu.end(pid)
        raise
    leads = (Forward(found[2], int(found[1]), int(found[3])) for found in led)
    return Started(pid, stub[1], tuple(leads))


def _await(pid: int, output: str, seconds: float, line: re.Pattern[str], count: int) -> list[re.Match[str]]:
    """So many of these lines among its messages."""
    deadline = time.monotonic() + seconds
    while True:
        over = not qemu.running(pid)
        with open(output, encoding="utf-8", errors="replace") as file:
            said = file.read(1 << 16)
        found = list(line.finditer(said))
        if len(found) >= count:
            return found
        if over:
            raise TargetGone(_last_line(said) or "it ended and said nothing")
        if time.monotonic() > deadline:
            raise ConfigError(f"the guest makes no such forwards; it said: {_last_line(said)}")
        time.sleep(0.005)


def _last_line(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1] if lines else ""


def free_port(protocol: str) -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port
