"""/proc/PID/maps: what a process has mapped, and from which files (proc(5))."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from unidbg.errors import TargetError, TargetGone

_LINE = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ (\d+)[ \t]*(.*)$", re.MULTILINE)


class Mapping(NamedTuple):
    """A range of a process: permissions as `rw-p`, offset in its file, inode (0: none) and path or `""`."""

    start: int
    end: int
    permissions: str
    offset: int
    inode: int
    path: str


def mappings(pid: int) -> list[Mapping]:
    """All mappings of a process, in address order. TargetGone, or TargetError where we may not look."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
            return list(parse(file.read()))
    except PermissionError:
        raise TargetError(refused(pid)) from None
    except OSError as error:
        raise TargetGone(f"there is no process {pid}: {error.strerror}") from None


def parse(text: str) -> Iterator[Mapping]:
    """The lines of a maps file; what is no such line is left out."""
    for start, end, permissions, offset, inode, path in _LINE.findall(text):
        if int(start, 16) < int(end, 16):
            yield Mapping(int(start, 16), int(end, 16), permissions, int(offset, 16), int(inode), path)


def open_behind(pid: int, start: int, end: int) -> tuple[int, int]:
    """(descriptor of ours, offset) of the file whose bytes a shared mapping shows from `start` on.

    By its path, else as the process has it open (memfd, unlinked). OSError where the memory is private, lies
    in several mappings, or the file is not to be had.
    """
    found = next((m for m in mappings(pid) if m.start <= start and end <= m.end), None)
    if found is None or "s" not in found.permissions:
        raise OSError("not shared")
    files = [found.path]
    with suppress(OSError):
        files += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    for path in files:
        with suppress(OSError, ValueError):
            if os.stat(path).st_ino == found.inode:
                return os.open(path, os.O_RDONLY | os.O_NONBLOCK), found.offset + start - found.start
    raise OSError(f"the file behind {start:#x} is not to be had")


def refused(pid: int) -> str:
    """Why we may not read a process, and what would let us."""
    scope = _ptrace_scope()
    lines = [f"the memory of process {pid} may not be read"]
    if scope is not None and scope > 0:
        lines.append(
            f"kernel.yama.ptrace_scope is {scope}: set it to 0 (sysctl kernel.yama.ptrace_scope=0), "
            "or give unidbg the capability CAP_SYS_PTRACE"
        )
    else:
        lines.append("run unidbg as the user that runs it, or with the capability CAP_SYS_PTRACE")
    return "; ".join(lines)


def _ptrace_scope() -> int | None:
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
