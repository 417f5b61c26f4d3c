"""What a TARGET on the command line means, as far as lines go."""

from __future__ import annotations

import re

from unidbg.errors import ConfigError
from unidbg.views.record import Record, record

DEFAULT_BAUD = 115200

_TCP = re.compile(
    r"(?:tcp:)?(?://)?(?:\[(?P<v6>[0-9a-fA-F:.%\w]+)\]|(?P<host>[^\[\]:/\s]*)):(?P<port>\d{1,5})"
)
_NAME = re.compile(r"@[A-Za-z0-9][\w.-]*")

FORMS = (
    "host:port, :port, [v6]:port, unix:PATH, serial:DEVICE[,baud], qmp:PATH[,racy], pid:PID, exec:COMMAND, "
    "@NAME, a dump file or raw:FILE@ADDRESS"
)


@record
class TcpAddress(Record):
    """`host:port`; an empty host means this machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@record
class UnixAddress(Record):
    """A Unix socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@record
class SerialAddress(Record):
    """A serial device and its speed."""

    device: str
    baud: int = DEFAULT_BAUD

    def __str__(self) -> str:
        return f"serial:{self.device},{self.baud}"


@record
class ExecAddress(Record):
    """A command whose standard input and output speak RSP."""

    command: str

    def __str__(self) -> str:
        return f"exec:{self.command}"


@record
class QmpAddress(Record):
    """The QMP socket of a QEMU, by path. `racy`: read without ever stopping the guest."""

    path: str
    racy: bool = False

    def __str__(self) -> str:
        return f"qmp:{self.path}{',racy' if self.racy else ''}"


@record
class PidAddress(Record):
    """A process of this host that runs a guest, or is one."""

    pid: int

    def __str__(self) -> str:
        return f"pid:{self.pid}"


@record
class GuestName(Record):
    """`@NAME`: a guest that `unidbg run` started."""

    name: str

    def __str__(self) -> str:
        return f"@{self.name}"


Address = TcpAddress | UnixAddress | SerialAddress | ExecAddress | QmpAddress | PidAddress | GuestName


def parse_url(url: str) -> Address:
    """The address that `url` names; `ConfigError` listing the forms if it names none."""
    scheme, _, rest = url.partition(":")
    if scheme in ("unix", "serial", "exec", "qmp", "pid") and rest:
        return _by_scheme(scheme, rest, url)
    if _NAME.fullmatch(url):
        return GuestName(url[1:])
    match = _TCP.fullmatch(url)
    if match is None:
        raise ConfigError(f"{url!r} names no target: give {FORMS}")
    port = int(match["port"])
    if not 0 < port < 65536:
        raise ConfigError(f"{url!r}: port {port} does not exist (1 to 65535)")
    return TcpAddress(match["v6"] or match["host"] or "localhost", port)


def _by_scheme(scheme: str, rest: str, url: str) -> Address:
    if scheme == "unix":
        return UnixAddress(rest)
    if scheme == "exec":
        return ExecAddress(rest)
    if scheme == "qmp":
        return QmpAddress(rest.removesuffix(",racy"), rest.endswith(",racy"))
    if scheme == "pid":
        if not rest.isascii() or not rest.isdigit() or not 0 < int(rest) < 1 << 32:
            raise ConfigError(f"{url!r}: {rest!r} is no process id")
        return PidAddress(int(rest))
    device, comma, baud = rest.rpartition(",")
    if not comma:
        return SerialAddress(rest)
    if not baud.isascii() or not baud.isdigit():
        raise ConfigError(f"{url!r}: {baud!r} is no baud rate")
    return SerialAddress(device, int(baud))
