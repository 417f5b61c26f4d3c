"""The RAM of a QEMU of this host, read past the guest: what is where QEMU's monitor tells, the bytes /proc.

Far faster than packets, and pages that were never touched need not be looked at. It needs the right to trace
the process; without it whoever asks reads by other ways.
"""

from __future__ import annotations

import errno
import os
import re
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from unidbg.errors import MemoryFault, ProtocolError, TargetError
from unidbg.target.base import MemoryRegion
from unidbg.target.hostfiles import open_behind
from unidbg.target.registry import record_behind
from unidbg.transport.qmp import Qmp

PAGE = 4096
PRESENT = 3 << 62
"""In /proc/PID/pagemap: the page is in memory, or swapped out; otherwise it was never touched."""
Ask = Callable[[str], str]
"""Gives what QEMU's human monitor answers to a line."""

_VIEW = re.compile(r"^FlatView #\d+$(.*?)(?=^FlatView|\Z)", re.MULTILINE | re.DOTALL)
_RANGE = re.compile(r"^\s+([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, (ram|rom)\)", re.MULTILINE)
_HOST = re.compile(r"Host virtual address for 0x[0-9a-f]+ \([^)]*\) is 0x([0-9a-f]+)")


class Block(NamedTuple):
    """Guest-physical memory from `start` on, and where QEMU has it."""

    start: int
    length: int
    host: int


def ram_ranges(tree: str) -> list[tuple[int, int]]:
    """(start, length) of RAM and ROM in the address space `memory`, from `info mtree -f`."""
    views = [
        view for view in _VIEW.findall(tree.replace("\r", "")) if '"memory"' in view or "cpu-memory" in view
    ]
    rows = _RANGE.findall(views[0]) if views else []
    return [(int(first, 16), int(last, 16) - int(first, 16) + 1) for first, last, _ in rows]


class _Held(NamedTuple):
    """A block, and the file behind it: descriptor and offset, -1 where there is none."""

    block: Block
    file: int
    offset: int


class HostRam:
    """Guest-physical memory: from the file behind it where there is one, else /proc/PID/mem. Close it."""

    def __init__(self, pid: int, blocks: Sequence[Block]) -> None:
        self._memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        self._pages, self._held = -1, list[_Held]()
        try:
            self._pages = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY)
            for block in sorted(blocks):
                file, offset = open_behind(pid, block.host, block.length) or (-1, 0)
                self._held.append(_Held(block, file, offset))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the process go."""
        for descriptor in (self._memory, self._pages, *(held.file for held in self._held)):
            if descriptor >= 0:
                os.close(descriptor)

    def _find(self, address: int, length: int) -> tuple[_Held, int] | None:
        """The block in which a range lies, and where in it."""
        for held in self._held:
            if held.block.start <= address and address + length <= held.block.start + held.block.length:
                return held, address - held.block.start
        return None

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes, or MemoryFault."""
        found = self._find(address, length)
        data = b""
        if found is not None:
            held, at = found
            shared = held.file >= 0
            with suppress(OSError):
                place = (held.file, held.offset + at) if shared else (self._memory, held.block.host + at)
                data = os.pread(place[0], length, place[1])
        if len(data) != length:
            raise MemoryFault(address, length, "no RAM of the guest")
        return data

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """Each range, `None` where it is no RAM."""
        found: list[bytes | None] = []
        for address, length in ranges:
            try:
                found.append(self.read(address, length))
            except MemoryFault:
                found.append(None)
        return found

    def regions(self) -> Sequence[MemoryRegion]:
        """The blocks."""
        return [MemoryRegion(block.start, block.start + block.length) for block, _, _ in self._held]

    def untouched(self, address: int, length: int) -> bool:
        """Whether no page of a range was ever touched: then it is zeros."""
        found = self._find(address, length)
        if found is None:
            return False
        held, at = found
        if held.file >= 0:
            return _is_hole(held.file, held.offset + at, length)
        return self._never_present(held.block.host + at, length)

    def _never_present(self, host: int, length: int) -> bool:
        """For private memory: neither in memory nor swapped out."""
        first, last = host // PAGE, (host + length - 1) // PAGE
        raw = os.pread(self._pages, 8 * (last - first + 1), 8 * first)
        whole = len(raw) == 8 * (last - first + 1)
        return whole and not any(entry & PRESENT for entry in array("Q", raw))


def _is_hole(file: int, offset: int, length: int) -> bool:
    """Whether a file has no data in a range."""
    try:
        return os.lseek(file, offset, os.SEEK_DATA) >= offset + length
    except OSError as error:  # ENXIO: nothing but a hole up to the end
        return error.errno == errno.ENXIO


def host_ram_behind(url: str) -> HostRam | None:
    """The RAM of the guest that `url` leads to, where it is a QEMU whose monitor we reach."""
    record = record_behind(url)
    path = record.lines.get("qmp", "") if record else url
    if not path.startswith("qmp:"):
        return None
    try:
        with Qmp(path.removeprefix("qmp:")) as qmp:
            pid = record.pid if record else qmp.peer()
            return host_ram(qmp.human, pid) if pid else None
    except (TargetError, ProtocolError):
        return None


def host_ram(ask: Ask, pid: int) -> HostRam | None:
    """The RAM of the QEMU that `ask` asks; `None` where it cannot be read from here, or is not that QEMU."""
    try:
        blocks = host_blocks(ask)
        ram = HostRam(pid, blocks) if blocks else None
    except (OSError, ValueError, TargetError, ProtocolError):
        return None
    if ram is not None and not _same(ask, ram, blocks[0]):
        ram.close()
        return None
    return ram


def host_blocks(ask: Ask) -> list[Block]:
    """Where QEMU has the guest's memory, as its monitor tells; ValueError where it does not."""
    ranges = ram_ranges(ask("info mtree -f"))
    return _joined([Block(start, length, _host(ask, start)) for start, length in ranges])


def _joined(blocks: Sequence[Block]) -> list[Block]:
    """Neighbours in the guest that are neighbours in QEMU too are one."""
    found: list[Block] = []
    for block in sorted(blocks):
        last = found[-1] if found else None
        if last and block.start - last.start == block.host - last.host == last.length:
            found[-1] = last._replace(length=last.length + block.length)
        else:
            found.append(block)
    return found


def _host(ask: Ask, address: int) -> int:
    """Where QEMU has a guest-physical address."""
    found = _HOST.search(ask(f"gpa2hva {address:#x}"))
    if found is None:
        raise ValueError(f"QEMU does not tell where {address:#x} is")
    return int(found[1], 16)


def _same(ask: Ask, ram: HostRam, block: Block) -> bool:
    """Whether QEMU says of the last bytes of a block what we read."""
    address = block.start + block.length - 16
    words = re.findall(r"0x([0-9a-f]{16})", ask(f"xp /2gx {address:#x}"))
    try:
        theirs = b"".join(int(word, 16).to_bytes(8, "little") for word in words[-2:])
        return theirs == ram.read(address, 16)
    except MemoryFault:
        return False
