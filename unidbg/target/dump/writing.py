"""Writes our own core: headers, notes, the guest's memory once, and a digest at the end.

Every physical byte lies in the file once, in the order of physical addresses; each virtual mapping of it is a
PT_LOAD that points there, so mappings may share bytes. Memory that nothing maps has a segment of a type of
its own, which other tools pass over.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from unidbg.target.dump import elf
from unidbg.target.dump.encoding import MACHINE_NUMBERS, encode_note
from unidbg.target.dump.own import NT_DIGEST, OWNER
from unidbg.target.dump.sink import BLOCK, Digest, Sink, pour

PAGE = 4096
LINE = 16
CHUNK = 1 << 20
"""Bytes that are read from the guest at once."""
OSABI_LINUX = b"\x03"
"""The notes are Linux's; LLDB reads no core of an unknown system."""
READ, WRITE, EXECUTE = 4, 2, 1


class Run(NamedTuple):
    """Memory that is written: `length` bytes from `start` on, physical where the core has physical memory."""

    start: int
    length: int


class Mapped(NamedTuple):
    """Virtual memory: `length` bytes at `virtual`, which lie at `start` of the runs; flags as in ELF."""

    virtual: int
    start: int
    length: int
    flags: int = READ | WRITE | EXECUTE


class Ram(Protocol):
    """Where the bytes of the runs come from."""

    def untouched(self, address: int, length: int) -> bool:
        """Whether they are known to be zeros, without looking."""
        ...

    def fetch(self, address: int, length: int) -> bytes:
        """Exactly so many bytes; zeros for what cannot be read."""
        ...


class Plan(NamedTuple):
    """What goes into a core. `physical`: the runs are physical memory, else virtual."""

    machine: str
    bits: int
    notes: bytes
    runs: Sequence[Run]
    mapped: Sequence[Mapped]
    physical: bool
    compact: bool = False
    """Many short runs: they lie one behind the other, not each in blocks of its own."""

    def room(self, run: Run) -> int:
        """Bytes that a run takes in the file."""
        return -(-run.length // LINE) * LINE if self.compact else padded(run.length)


class Written(NamedTuple):
    """What came of it: bytes of memory, of those not zero, where they lie in the file, and their digest."""

    memory_bytes: int
    data_bytes: int
    offset: int
    digest: bytes


class _Segment(NamedTuple):
    kind: int
    flags: int
    virtual: int
    physical: int
    offset: int
    length: int


def write_core(plan: Plan, ram: Ram, sink: Sink, tick: Callable[[int], None] = lambda _: None) -> Written:
    """Write the core; `tick` is told how many bytes of memory are done."""
    total = padded(sum(plan.room(run) for run in plan.runs))
    rows = [*_loads(plan, 0), *_unmapped(plan, 0)]
    offset = _aligned(_headers_bytes(len(rows)) + len(plan.notes))
    rows = [row._replace(offset=row.offset + offset) for row in rows]
    sink.put(_head(plan, rows, offset, total).ljust(offset, b"\0"))
    digest, done, data_bytes = Digest(), 0, 0
    if plan.compact:
        whole = b"".join(ram.fetch(*run).ljust(plan.room(run), b"\0") for run in plan.runs)
        data_bytes = pour(whole.ljust(total, b"\0"), 0, sink, digest)
    for run in plan.runs if not plan.compact else ():
        for at in range(run.start, run.start + run.length, CHUNK):
            length = min(CHUNK, run.start + run.length - at)
            if ram.untouched(at, length):
                sink.skip(padded(length))
            else:
                data_bytes += pour(ram.fetch(at, length).ljust(padded(length), b"\0"), done, sink, digest)
            done += padded(length)
            tick(done)
    sink.put(encode_note(OWNER, NT_DIGEST, digest.digest()))
    sink.end()
    return Written(total, data_bytes, offset, digest.digest())


def padded(length: int) -> int:
    """The length of a run in the file: each begins with a block of the digest."""
    return -(-length // BLOCK) * BLOCK


DIGEST_BYTES = len(encode_note(OWNER, NT_DIGEST, bytes(32)))


def _places(plan: Plan) -> list[tuple[Run, int]]:
    """Each run and its distance from the first byte of memory in the file."""
    places, at = [], 0
    for run in plan.runs:
        places.append((run, at))
        at += plan.room(run)
    return places


def _loads(plan: Plan, offset: int) -> list[_Segment]:
    """A PT_LOAD for each part of a mapping that lies in one run, by virtual address."""
    found = []
    for run, at in _places(plan):
        for one in plan.mapped:
            first = max(one.start, run.start)
            length = min(one.start + one.length, run.start + run.length) - first
            if length > 0:
                virtual, physical = one.virtual + first - one.start, first if plan.physical else 0
                place = offset + at + first - run.start
                found.append(_Segment(elf.PT_LOAD, one.flags, virtual, physical, place, length))
    return sorted(found, key=lambda segment: segment.virtual)


def _unmapped(plan: Plan, offset: int) -> list[_Segment]:
    """What of the runs no mapping reaches."""
    found = []
    for run, at in _places(plan):
        reached, end = run.start, run.start + run.length
        here = [one for one in plan.mapped if one.start < end and one.start + one.length > run.start]
        for one in sorted(here, key=lambda one: one.start):
            if one.start > reached:
                found.append(_gap(reached, one.start, offset + at + reached - run.start))
            reached = max(reached, min(one.start + one.length, end))
        if reached < end:
            found.append(_gap(reached, end, offset + at + reached - run.start))
    return found


def _gap(start: int, end: int, offset: int) -> _Segment:
    return _Segment(elf.PT_PHYSICAL, READ, 0, start, offset, end - start)


def _headers_bytes(segments: int) -> int:
    """ELF header, program headers with the two of the notes, and a section where there are too many."""
    return 64 + 56 * (segments + 2) + (64 if segments + 2 >= elf.PN_XNUM else 0)


def _aligned(size: int) -> int:
    return -(-size // PAGE) * PAGE


def _head(plan: Plan, rows: Sequence[_Segment], offset: int, total: int) -> bytes:
    """Everything in front of the memory."""
    count = len(rows) + 2
    many = count >= elf.PN_XNUM
    section_at = 64 + 56 * count if many else 0
    notes_at = _headers_bytes(len(rows))
    ident = elf.ELF_MAGIC + (b"\x02\x01\x01" + OSABI_LINUX).ljust(12, b"\0")
    machine = MACHINE_NUMBERS.get(plan.machine, 0)
    counts = (56, min(count, elf.PN_XNUM), 64, 1 if many else 0, 0)
    out = [ident + struct.pack("<HHIQQQIHHHHHH", elf.ET_CORE, machine, 1, 0, 64, section_at, 0, 64, *counts)]
    out.append(_row(elf.PT_NOTE, 0, 0, 0, notes_at, len(plan.notes)))
    out.append(_row(elf.PT_NOTE, 0, 0, 0, offset + total, DIGEST_BYTES))
    out += [_row(*row) for row in rows]
    if many:
        out.append(bytes(44) + struct.pack("<I", count) + bytes(16))
    return b"".join([*out, plan.notes])


def _row(kind: int, flags: int, virtual: int, physical: int, offset: int, length: int) -> bytes:
    align = PAGE if kind != elf.PT_NOTE else 4
    return struct.pack("<IIQQQQQQ", kind, flags, offset, virtual, physical, length, length, align)
