"""The page tables of x86_64, walked as the processor does: 4 or 5 levels, 4 KiB, 2 MiB and 1 GiB pages.

Bits as in the Intel SDM, volume 3A, chapter 4 ("Paging"). Tables are read whole, a level at a time, so that a
walk is a handful of round trips. The tables may be corrupt: depth bounds every path, and `MAX_TABLES` bounds
tables that point to each other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from unidbg.target.base import AddressSpace, MemoryRegion

PRESENT, WRITABLE, USER, LARGE, NO_EXECUTE = 1, 1 << 1, 1 << 2, 1 << 7, 1 << 63
ADDRESS_MASK = 0x000F_FFFF_FFFF_F000
TABLE_BYTES = 4096
TABLE = struct.Struct("<512Q")
MAX_TABLES = 8192
"""Places at which a table may be used: 16 GiB in 4 KiB pages. A healthy unikernel has a few dozen."""
MAX_FAULTS = 32
CR0_PG, CR4_LA57, EFER_LMA, EFER_NXE = 1 << 31, 1 << 12, 1 << 10, 1 << 11


class Mapping(NamedTuple):
    """A run of virtual pages mapped alike onto a run of physical ones.

    `start`, `end` virtual; `physical` of `start`.
    """

    start: int
    end: int
    physical: int
    writable: bool
    user: bool
    no_execute: bool


class PagingFault(NamedTuple):
    """An entry that could not be believed: the virtual address it serves, where it lies, and why."""

    virtual: int
    entry: int
    reason: str


class PageWalk(NamedTuple):
    """What the tables under `root` (physical) map, in address order, and what was wrong with them."""

    root: int
    mappings: tuple[Mapping, ...]
    faults: tuple[PagingFault, ...]
    tables: tuple[int, ...] = ()
    """Physical addresses of the tables that were read, `TABLE_BYTES` each."""


class PhysicalThroughVirtual:
    """Physical memory seen through the guest's own mapping of it at `offset` (virtual address of physical
    0).
    """

    def __init__(self, memory: AddressSpace, offset: int = 0) -> None:
        self._memory = memory
        self._offset = offset

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes; the MemoryFault names the virtual address that was tried."""
        return self._memory.read(self.virtual(address), length)

    def virtual(self, address: int) -> int:
        """Where a physical address is mapped."""
        return (address + self._offset) & 0xFFFF_FFFF_FFFF_FFFF

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """Each range, in as few round trips as the target can."""
        return self._memory.read_many([(self.virtual(address), length) for address, length in ranges])

    def regions(self) -> Sequence[MemoryRegion]:
        """Nothing is known of the extent of physical memory here."""
        return ()


class _Table(NamedTuple):
    """A table in use: its physical address, the first virtual address it serves, and the rights so far."""

    physical: int
    virtual: int
    rights: int


class _Walk:
    """What a walk has seen so far."""

    def __init__(self, physical: AddressSpace) -> None:
        self.physical = physical
        self.leaves: list[tuple[int, int, int, int]] = []
        self.faults: list[PagingFault] = []
        self.cache: dict[int, tuple[int, ...] | None] = {}
        self.used = 0

    def fault(self, virtual: int, entry: int, reason: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(PagingFault(canonical(virtual), entry, reason))


def canonical(address: int, bits: int = 48) -> int:
    """`address` of `bits` bits, sign-extended to 64 as the processor wants it."""
    address &= (1 << bits) - 1
    return address | (~0 << bits) & 0xFFFF_FFFF_FFFF_FFFF if address >> (bits - 1) else address


def walk(physical: AddressSpace, root: int, *, levels: int = 4, no_execute: bool = True) -> PageWalk:
    """Everything that the tables under `root` (CR3) map.

    `levels` is 4, or 5 with CR4.LA57; `no_execute` is EFER.NXE: without it bit 63 means nothing.
    """
    state = _Walk(physical)
    rights = WRITABLE | USER
    tables = [_Table(root & ADDRESS_MASK, 0, rights)]
    for level in range(levels, 0, -1):
        tables = _step(state, tables, level)
    bits = 9 * levels + 12
    mappings = merge(sorted(state.leaves), bits, no_execute)
    return PageWalk(root & ADDRESS_MASK, mappings, tuple(state.faults), tuple(sorted(state.cache)))


def _step(state: _Walk, tables: list[_Table], level: int) -> list[_Table]:
    """Read `tables` in one call; keep their leaves and return the tables below."""
    _load(state, tables)
    below: list[_Table] = []
    for table in tables:
        entries = state.cache[table.physical]
        if entries is None:
            state.fault(table.virtual, table.physical, "the page table cannot be read")
            continue
        _entries(state, table, entries, level, below)
    return below


def _load(state: _Walk, tables: Iterable[_Table]) -> None:
    missing = sorted({t.physical for t in tables} - state.cache.keys())
    answers = state.physical.read_many([(address, TABLE_BYTES) for address in missing]) if missing else []
    for address, data in zip(missing, answers, strict=True):
        state.cache[address] = TABLE.unpack(data) if data is not None and len(data) == TABLE_BYTES else None


def _entries(state: _Walk, table: _Table, entries: tuple[int, ...], level: int, below: list[_Table]) -> None:
    shift = 12 + 9 * (level - 1)
    for index, entry in enumerate(entries):
        if not entry & PRESENT:
            continue
        virtual = table.virtual | index << shift
        rights = table.rights & entry & (WRITABLE | USER) | (table.rights | entry) & NO_EXECUTE
        if level == 1 or (entry & LARGE and level in (2, 3)):
            state.leaves.append((virtual, 1 << shift, entry & ADDRESS_MASK & ~((1 << shift) - 1), rights))
        elif entry & LARGE:
            state.fault(virtual, table.physical + 8 * index, f"bit 7 is reserved at level {level}")
        elif state.used >= MAX_TABLES:
            state.fault(
                virtual, table.physical + 8 * index, f"more than {MAX_TABLES} page tables: stopped here"
            )
            return
        else:
            state.used += 1
            below.append(_Table(entry & ADDRESS_MASK, virtual, rights))


def merge(
    leaves: Iterable[tuple[int, int, int, int]], bits: int = 48, nx: bool = True
) -> tuple[Mapping, ...]:
    """Sorted (virtual, size, physical, rights) joined where addresses go on and rights stay."""
    merged: list[list[int]] = []
    for virtual, size, physical, rights in leaves:
        last = merged[-1] if merged else None
        if last and last[1] == virtual and last[2] + last[1] - last[0] == physical and last[3] == rights:
            last[1] += size
        else:
            merged.append([virtual, virtual + size, physical, rights])
    return tuple(_mapping(run, bits, nx) for run in merged)


def _mapping(run: list[int], bits: int, nx: bool) -> Mapping:
    start, end, physical, rights = run
    first = canonical(start, bits)
    return Mapping(
        start=first,
        end=first + end - start,
        physical=physical,
        writable=bool(rights & WRITABLE),
        user=bool(rights & USER),
        no_execute=nx and bool(rights & NO_EXECUTE),
    )
