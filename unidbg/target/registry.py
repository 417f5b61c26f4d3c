"""The guests that were started on this host: one folder each, with their sockets, logs and a record.

A record is believed only while the process that it names lives: pids come back, so the time at which the
process was started is kept with it.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from unidbg.errors import ConfigError

RECORD = "guest.json"
LOCK = ".lock"
BEING_STARTED = 60.0
"""Seconds for which a folder without a record is taken for that of a guest that is being started."""
LONGEST_SOCKET_PATH = 100
"""Bytes of a Unix socket's path: sun_path has 108 with its NUL, and names of ours are short."""


@dataclass(frozen=True, slots=True)
class GuestRecord:
    """A guest. `lines` maps `stub`, `gdbstub` and `qmp` to the URL to attach to; `started` is Unix time in s.

    `forwards` are (protocol, port of 127.0.0.1, port of the guest).
    `birth` identifies the process beside its pid: its start in clock ticks since boot, `""` where unknown.
    """

    name: str
    image: str
    pid: int
    birth: str
    machine: str
    accelerator: str
    started: float
    log: str
    folder: str
    lines: Mapping[str, str]
    forwards: Sequence[tuple[str, int, int]] = ()

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        return birth_of(self.pid) == self.birth if self.birth else _exists(self.pid)


def runtime_folder() -> str:
    """Where guests are registered, mode 0700: $XDG_RUNTIME_DIR/unidbg, else below the user's cache."""
    base = os.environ.get("XDG_RUNTIME_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "unidbg-run"
    )
    folder = os.path.join(base, "unidbg")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    found = os.stat(folder)
    if stat.S_IMODE(found.st_mode) & 0o022 or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
        raise ConfigError(
            f"{folder} can be written by others: remove it, or set XDG_RUNTIME_DIR to a folder of yours"
        )
    return folder


def registered() -> list[GuestRecord]:
    """All guests that run, by name; folders of those that have ended are removed."""
    names = sorted(name for name in os.listdir(runtime_folder()) if _plain(name))
    return [record for name in names if (record := _living(name))]


def find(name: str) -> GuestRecord:
    """The running guest of that name. ConfigError names those that run."""
    record = _living(name) if _plain(name) else None
    if record is None:
        names = ", ".join(f"@{other.name}" for other in registered())
        raise ConfigError(
            f"no guest @{name} runs here; "
            + (f"these do: {names}" if names else "start one: unidbg run IMAGE")
        )
    return record


def image_behind(url: str) -> str | None:
    """The image of the running guest that `url` leads to, `None` where it is none of ours."""
    record = record_behind(url)
    return record.image if record else None


def record_behind(url: str) -> GuestRecord | None:
    """The running guest that `url` leads to, `None` where it is none of ours."""
    for record in registered():
        if url == f"@{record.name}" or any(same_line(url, line) for line in record.lines.values()):
            return record
    return None


def same_line(one: str, other: str) -> bool:
    """Whether two URLs name one line: `:1234` is `localhost:1234`."""
    return _normal(one) == _normal(other)


def _normal(url: str) -> str:
    """One spelling for the ways to write a port of this host."""
    url = url.removesuffix(",racy") if url.startswith("qmp:") else url
    host, colon, port = url.removeprefix("tcp:").rpartition(":")
    return f"127.0.0.1:{port}" if colon and host in ("", "localhost", "127.0.0.1") else url


def claim(name: str) -> str | None:
    """A new, empty folder for a guest of that name; `None` if one of that name runs or is being started."""
    if not _plain(name):
        raise ConfigError(f"{name!r} is no name for a guest: letters, digits, `_`, `-` and `.`")
    _living(name)
    folder = os.path.join(runtime_folder(), name)
    if len(os.fsencode(folder)) > LONGEST_SOCKET_PATH - len("/gdbstub.sock"):
        raise ConfigError(f"{folder} is too long for a socket: set XDG_RUNTIME_DIR to a shorter path")
    try:
        os.mkdir(folder, mode=0o700)
    except FileExistsError:
        return None
    return folder


def write(record: GuestRecord) -> None:
    """Register; readers see the whole record or none."""
    import json

    path = os.path.join(record.folder, RECORD)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(asdict(record), file)
    os.replace(f"{path}.new", path)


def remove(folder: str) -> None:
    """Forget a guest and its files."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def forget(record: GuestRecord) -> None:
    """Remove a guest that has ended, unless another has its name by now."""
    with _alone():
        if _read(record.folder) == record:
            remove(record.folder)


def birth_of(pid: int) -> str:
    """When a process was started, in clock ticks since boot (proc(5), stat field 22); `""` if it is gone or
    the host does not tell. A zombie is gone.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _plain(name: str) -> bool:
    return name[:1].isalnum() and all(c.isalnum() or c in "_-." for c in name)


def _living(name: str) -> GuestRecord | None:
    """The record of a guest that runs; what a dead one, or a start that was cut short, left is removed."""
    folder = os.path.join(runtime_folder(), name)
    if (record := _read(folder)) and record.alive:
        return record
    if os.path.isdir(folder):
        with _alone():
            record = _read(folder)
            if record.alive if record else _age(folder) < BEING_STARTED:
                return record
            remove(folder)
    return None


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time looks whether a folder is a dead guest's and removes it: the name may be taken
    anew in between.
    """
    import fcntl

    with open(os.path.join(runtime_folder(), LOCK), "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _age(path: str) -> float:
    """Seconds since anything was made in the folder; 0 where there is none."""
    try:
        return time.time() - os.stat(path).st_mtime
    except OSError:
        return 0.0


def _read(folder: str) -> GuestRecord | None:
    """`None` while the guest is being started, and for what is no record of ours."""
    import json

    try:
        with open(os.path.join(folder, RECORD), encoding="utf-8") as file:
            return GuestRecord(**json.load(file))
    except (OSError, ValueError, TypeError):
        return None
