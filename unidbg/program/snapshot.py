"""Memory as it was at one stop: fetched ahead in one round trip, and remembering what was read.

The ranges that one refresh read are what the next one fetches at once (`read_set`); a decode that stays
inside them needs no guest at all, so the guest runs on meanwhile.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence

from unidbg.errors import MemoryFault
from unidbg.target.base import AddressSpace, MemoryRegion

MERGE_GAP = 64
"""Two ranges this near (bytes) are fetched as one: a packet costs more than the bytes between."""

OVERLAPS = 4
"""Blocks below an address that are looked at: a stack window may lie over another range."""

MAX_FETCH = 8 << 20
"""Bytes of a read set. What lies beyond is read when it is asked for."""


class SnapshotMiss(Exception):
    """A decode left the fetched ranges while the guest was running again."""

    def __init__(self, address: int, length: int) -> None:
        super().__init__(f"{address:#x}+{length:#x} was not fetched")
        self.address = address
        self.length = length


class SnapshotMemory:
    """An address space over fetched blocks, with `source` behind it as long as the guest stands still."""

    def __init__(self, source: AddressSpace) -> None:
        self._source: AddressSpace | None = source
        self._regions: Sequence[MemoryRegion] | None = None
        self._starts: list[int] = []
        self._blocks: dict[int, bytes] = {}
        self._bad: dict[tuple[int, int], int] = {}
        """Unreadable ranges and their first bad address, as far as it is known."""
        self.touched: set[tuple[int, int]] = set()
        self.late = False
        """Whether anything was read that had not been fetched ahead."""

    def fetch(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Read all `ranges` (disjoint, see `read_set`) in as few round trips as the target can."""
        if not ranges or self._source is None:
            return
        for (address, length), data in zip(ranges, self._source.read_many(ranges), strict=True):
            if data is None:
                self._bad[address, length] = address
            else:
                self._blocks[address] = data
        self._starts = sorted(self._blocks)

    def fill(self, memory: Mapping[tuple[int, int], bytes]) -> None:
        """Blocks that were fetched already, as far as each was readable."""
        for (address, length), data in memory.items():
            if data:
                self._add(address, data)
            if len(data) < length:
                self._bad[address, length] = address + len(data)

    def expect(self, address: int, length: int) -> None:
        """The next refresh will probably read this."""
        self.touched.add((address, length))

    def forget(self, address: int, length: int) -> None:
        """The next refresh will not read this, though this one did."""
        self.touched.discard((address, length))

    def detach(self) -> None:
        """The guest runs on: from now on only fetched bytes can be read."""
        self._source = None

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes; MemoryFault as the target said, SnapshotMiss when detached."""
        if length == 0:
            return b""
        self.touched.add((address, length))
        data = self._fetched(address, length)
        return data if data is not None else self._read_late(address, length)

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """Each range from the fetched blocks; the others in one call of the target."""
        self.touched.update(r for r in ranges if r[1])
        found = [self._fetched(*r) for r in ranges]
        wanted = [r for r, data in zip(ranges, found, strict=True) if data is None and r not in self._bad]
        if not wanted:
            return found
        if self._source is None:
            raise SnapshotMiss(*wanted[0])
        self.late = True
        answers = dict(zip(wanted, self._source.read_many(wanted), strict=True))
        for key, data in answers.items():
            self._keep(key, data)
        return [data if data is not None else answers.get(r) for r, data in zip(ranges, found, strict=True)]

    def regions(self) -> Sequence[MemoryRegion]:
        """What the target says of its memory, asked once."""
        if self._regions is None:
            if self._source is None:
                raise SnapshotMiss(0, 0)
            self._regions = self._source.regions()
        return self._regions

    def fetched(self, address: int, length: int) -> bytes | None:
        """What is known of a range without asking for it; `None` where not all of it is."""
        return self._fetched(address, length)

    def _fetched(self, address: int, length: int) -> bytes | None:
        data = self._prefix(address, length)
        return data if len(data) == length else None

    def _prefix(self, address: int, length: int) -> bytes:
        """What the fetched blocks have from `address` on, without a gap."""
        out = bytearray()
        while len(out) < length:
            piece = self._piece(address + len(out), length - len(out))
            if not piece:
                break
            out += piece
        return bytes(out)

    def _piece(self, address: int, length: int) -> bytes:
        """As much from `address` on as one fetched block has."""
        index = bisect_right(self._starts, address)
        found = (
            self._blocks[start][address - start : address - start + length]
            for start in self._starts[max(index - OVERLAPS, 0) : index]
        )
        return max(found, key=len, default=b"")

    def _read_late(self, address: int, length: int) -> bytes:
        if (address, length) in self._bad:
            known = self._bad[address, length]
            raise MemoryFault(max(known, address + len(self._prefix(address, length))), length)
        if self._source is None:
            raise SnapshotMiss(address, length)
        self.late = True
        try:
            data = self._source.read(address, length)
        except MemoryFault as fault:
            self._bad[address, length] = fault.address
            if (
                0 < fault.address - address < length
            ):  # the readable part tells the next time where the fault is
                self.touched.add((address, fault.address - address))
            raise
        self._add(address, data)
        return data

    def _add(self, address: int, data: bytes) -> None:
        if len(data) > len(self._blocks.get(address, b"")):
            if address not in self._blocks:
                insort(self._starts, address)
            self._blocks[address] = data

    def _keep(self, key: tuple[int, int], data: bytes | None) -> None:
        if data is None:
            self._bad[key] = key[0]
        else:
            self._add(key[0], data)

    def read_set(self, touched: set[tuple[int, int]] | None = None) -> list[tuple[int, int]]:
        """What to fetch next time: the ranges touched, merged; the unreadable ones apart from the others."""
        touched = self.touched if touched is None else touched
        bad = touched & self._bad.keys()
        return merge_ranges(touched - bad) + sorted(bad)


def merge_ranges(ranges: Iterable[tuple[int, int]], gap: int = MERGE_GAP) -> list[tuple[int, int]]:
    """Sorted disjoint (address, length) that cover `ranges`, not beyond MAX_FETCH bytes in all.

    Two are joined across at most `gap` bytes, and never across a page boundary into an untouched page:
    the page behind may not be mapped. Ranges that overlap or touch become one.
    """
    merged: list[tuple[int, int]] = []
    total = 0
    for address, length in sorted(ranges):
        total += length
        if total > MAX_FETCH:
            break
        if merged and _joins(merged[-1], address, gap):
            start, size = merged[-1]
            merged[-1] = (start, max(size, address + length - start))
        else:
            merged.append((address, length))
    return merged


def _joins(previous: tuple[int, int], address: int, gap: int) -> bool:
    end = previous[0] + previous[1]
    return address <= end or (address - end <= gap and (end - 1) >> 12 == address >> 12)
