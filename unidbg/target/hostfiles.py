"""Files behind the memory of a process: which descriptor holds what is mapped where (proc(5))."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple


class Mapping(NamedTuple):
    """A line of /proc/PID/maps: addresses, whether writes are shared, and the file with its offset."""

    start: int
    end: int
    shared: bool
    offset: int
    inode: int


def mapping_at(pid: int, address: int) -> Mapping | None:
    """The mapping around an address."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            span, rights, offset, _, inode = line.split(maxsplit=5)[:5]
            start, end = (int(part, 16) for part in span.split("-"))
            if start <= address < end:
                return Mapping(start, end, rights[3] == "s", int(offset, 16), int(inode))
    return None


def open_behind(pid: int, address: int, length: int) -> tuple[int, int] | None:
    """(descriptor of ours, offset) of the file whose bytes a shared mapping shows at an address.

    `None` where the memory is private, lies in several mappings, or the process has closed the file.
    """
    found = mapping_at(pid, address)
    if found is None or not found.shared or address + length > found.end:
        return None
    for name in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{name}"
        with suppress(OSError):
            if os.stat(path).st_ino != found.inode:
                continue
            return os.open(path, os.O_RDONLY | os.O_NONBLOCK), found.offset + address - found.start
    return None
