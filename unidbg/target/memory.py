"""Guest memory through a stub: a cache of blocks that lives for one stop, and faults that name their byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unidbg.errors import MemoryFault
from unidbg.rsp.memory import write_request
from unidbg.rsp.replies import error_text, is_error
from unidbg.target.base import MemoryRegion
from unidbg.target.link import require
from unidbg.target.reader import PAGE, Range, WireReader
from unidbg.target.stub import PHYSICAL_OFF, PHYSICAL_ON

if TYPE_CHECKING:
    from unidbg.target.rsptarget import RspTarget

MAX_CACHED = 64 << 20
"""Bytes that the cache keeps; a guest is looked at for much less in one stop."""
SLICE = 4 << 20
"""Longer reads are made piece by piece."""
DIRECT = 1 << 16
"""Reads of this many bytes go past the cache: nobody asks for them twice."""


class RspMemory:
    """Virtual memory of the stopped vCPU, or physical memory where `physical` is set (QEMU only).

    A read of a running guest stops it for as long as the read takes.
    """

    def __init__(self, target: RspTarget, *, physical: bool = False, block: int = 512) -> None:
        self._target = target
        self._physical = physical
        self._block = block
        self._reader = WireReader(target.link, target.stub)
        self._blocks: dict[int, bytes] = {}
        self._generation = -1

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes. `MemoryFault` names the first byte that cannot be read."""
        if not _possible(address, length):
            raise MemoryFault(address, length, "there are no such addresses")
        found = self.read_many([(address, length)])[0]
        if found is not None:
            return found
        raise MemoryFault(address + self._readable_prefix(address, length), length)

    def read_many(self, ranges: Sequence[Range]) -> list[bytes | None]:
        """All ranges in one flight, from the cache where this stop has seen them."""
        wanted = [(address, length) if _possible(address, length) else None for address, length in ranges]
        with self._target.run.stopped():
            self._refresh()
            self._load([pair for pair in wanted if pair and pair[1] < DIRECT])
            return self._assemble(wanted)

    def regions(self) -> Sequence[MemoryRegion]:
        """What the stub says of its memory (`qXfer:memory-map`)."""
        return () if self._physical else self._target.memory_map()

    def write(self, address: int, data: bytes) -> None:
        """Write all of `data`, in packets that the stub bears."""
        require(not self._physical, "writes to physical memory")
        size = self._target.stub.write_size
        with self._target.run.stopped():
            self._blocks.clear()
            for offset in range(0, len(data), size):
                piece = data[offset : offset + size]
                reply = self._target.link.request(write_request(address + offset, piece))
                if reply != b"OK":
                    reason = error_text(reply) if is_error(reply) else "the stub does not write memory"
                    raise MemoryFault(address + offset, len(piece), reason)

    def forget(self) -> None:
        """Drop the cache: something was written."""
        self._blocks.clear()

    def _refresh(self) -> None:
        if self._generation != self._target.generation or len(self._blocks) * self._block > MAX_CACHED:
            self._blocks.clear()
            self._generation = self._target.generation

    def _load(self, ranges: list[Range]) -> None:
        """Bring the blocks of `ranges` in, neighbours as one read."""
        size = self._block
        blocks: set[int] = set()
        for address, length in ranges:
            blocks.update(range(address // size, (address + length + size - 1) // size))
        missing = sorted(blocks - self._blocks.keys())
        runs = _runs(missing)
        found = self._wire([(first * size, count * size) for first, count in runs])
        for (first, count), data in zip(runs, found, strict=True):
            self._keep(first, count, data)

    def _keep(self, first: int, count: int, data: bytes) -> None:
        """Cut a run into blocks. What lies behind the first unreadable byte is left to exact reads."""
        size = self._block
        for index in range(min(count, len(data) // size)):
            self._blocks[first + index] = data[index * size : (index + 1) * size]

    def _assemble(self, wanted: list[Range | None]) -> list[bytes | None]:
        out: list[bytes | None] = []
        exact: list[tuple[int, Range]] = []
        for index, pair in enumerate(wanted):
            if pair and pair[1] > SLICE:
                out.append(self._read_long(*pair))
                continue
            data = self._cached(*pair) if pair and pair[1] < DIRECT else None
            out.append(data)
            if data is None and pair:
                exact.append((index, pair))
        for (index, (_, length)), data in zip(exact, self._wire([pair for _, pair in exact]), strict=True):
            out[index] = data if len(data) == length else None
        return out

    def _read_long(self, address: int, length: int) -> bytes | None:
        """A long range by slices, so that an impossible length ends at the first hole and not in memory."""
        out = bytearray()
        while len(out) < length:
            size = min(SLICE, length - len(out))
            data = self._wire([(address + len(out), size)])[0]
            out += data
            if len(data) < size:
                return None
        return bytes(out)

    def _cached(self, address: int, length: int) -> bytes | None:
        size = self._block
        first = address // size
        last = (address + max(length, 1) - 1) // size
        if first == last:
            block = self._blocks.get(first)
            offset = address - first * size
            return None if block is None else block[offset : offset + length]
        blocks = [self._blocks.get(index) for index in range(first, last + 1)]
        if any(block is None for block in blocks):
            return None
        offset = address - first * size
        return b"".join(block for block in blocks if block is not None)[offset : offset + length]

    def _wire(self, ranges: list[Range]) -> list[bytes]:
        if not ranges:
            return []
        before = self._target.selection.packets(self._target.current_thread)
        if self._physical:
            return self._reader.read(ranges, [*before, PHYSICAL_ON], [PHYSICAL_OFF])
        return self._reader.read(ranges, before)

    def _readable_prefix(self, address: int, length: int) -> int:
        """Bytes before the first fault: stubs that refuse a read as a whole are asked page by page."""
        good = 0
        with self._target.run.stopped():
            while good < length:
                pages = _page_pieces(address + good, length - good)
                for (_, size), data in zip(pages, self._wire(pages), strict=True):
                    good += len(data)
                    if len(data) < size:
                        return good
        return good


def _possible(address: int, length: int) -> bool:
    return address >= 0 and length >= 0 and address + length <= 1 << 64


def _runs(blocks: list[int]) -> list[tuple[int, int]]:
    """Sorted block numbers as (first, count) of neighbours."""
    runs: list[tuple[int, int]] = []
    for block in blocks:
        if runs and runs[-1][0] + runs[-1][1] == block:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((block, 1))
    return runs


def _page_pieces(address: int, length: int, limit: int = 1024) -> list[Range]:
    """`address` and `length` cut at page boundaries, at most `limit` pieces."""
    pieces: list[Range] = []
    end = address + length
    while address < end and len(pieces) < limit:
        size = min(end, (address // PAGE + 1) * PAGE) - address
        pieces.append((address, size))
        address += size
    return pieces
