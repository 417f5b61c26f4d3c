"""Address spaces over a dump. All of them give pieces; reading is putting pieces together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from unidbg.errors import MemoryFault
from unidbg.target.base import MemoryRegion
from unidbg.target.dump.extents import Extents
from unidbg.target.dump.source import Source

MAX_REGIONS = 4096
MAX_READ = 1 << 30
"""Bytes of one read: extents may share bytes of the file, so that a small one claims to hold petabytes."""
MISSING = "not in the dump"


class PieceSpace:
    """An `AddressSpace` made of `piece`."""

    reason = MISSING

    def piece(self, address: int, length: int) -> bytes:
        """At most `length` bytes from `address` on, at least one unless there is no such memory."""
        raise NotImplementedError

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes, or MemoryFault with the first that is not there."""
        data = self.piece(address, length) if address >= 0 else b""
        if len(data) == length:
            return data
        return self._join(address, length, data)

    def _join(self, address: int, length: int, first: bytes) -> bytes:
        if not 0 <= length <= MAX_READ:
            raise MemoryFault(address, length, "more than is read at once")
        out, size = [first], len(first)
        while size < length:
            data = self.piece(address + size, length - size) if size or address < 0 else b""
            if not data:
                raise MemoryFault(address + size, length, self.reason)
            out.append(data)
            size += len(data)
        return b"".join(out)

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """Each range, `None` where it is not all there."""
        return [self._try(address, length) for address, length in ranges]

    def _try(self, address: int, length: int) -> bytes | None:
        try:
            return self.read(address, length)
        except MemoryFault:
            return None

    def regions(self) -> Sequence[MemoryRegion]:
        """Nothing is known."""
        return ()

    def find(self, needle: bytes) -> Iterator[int]:
        """Addresses at which the bytes `needle` lie, as far as the space can be searched."""
        del needle
        return iter(())


class FileSpace(PieceSpace):
    """Addresses that lie in the file itself."""

    def __init__(self, source: Source, extents: Extents, *, zeros_behind: bool = False) -> None:
        """`zeros_behind`: what the file should hold and does not, because it ends before, is zeros."""
        self._source = source
        self._extents = extents
        self._zeros_behind = zeros_behind

    @property
    def extents(self) -> Extents:
        """Where what lies."""
        return self._extents

    def piece(self, address: int, length: int) -> bytes:
        found = self._extents.find(address)
        if found is None:
            return b""
        offset, room = found
        data = self._source.read(offset, min(length, room))
        if data or not self._zeros_behind:
            return data
        return bytes(min(length, room, MAX_READ))

    def view(self, address: int, length: int) -> memoryview | None:
        """The bytes from `address` on as they lie in the file, as many as lie together; not copied."""
        found = self._extents.find(address)
        return self._source.view(found[0], min(length, found[1])) if found else None

    def regions(self) -> Sequence[MemoryRegion]:
        """The extents, neighbours joined."""
        return [MemoryRegion(start, end) for start, end in self._extents.runs(MAX_REGIONS)]

    def find(self, needle: bytes) -> Iterator[int]:
        """Addresses of `needle`, extent by extent; one that lies across two is not found."""
        for start, length, offset in self._extents:
            at = self._source.find(needle, offset, offset + length)
            while at >= 0:
                yield start + at - offset
                at = self._source.find(needle, at + 1, offset + length)


class Filler(NamedTuple):
    """Memory that the dump leaves out and a file has: addresses, and what reads them."""

    start: int
    end: int
    read: Callable[[int, int], bytes]


class FilledSpace(PieceSpace):
    """A space, and behind it what fills its holes."""

    def __init__(self, space: PieceSpace, fillers: Sequence[Filler]) -> None:
        self._space = space
        self._fillers = fillers
        self.reason = space.reason

    def piece(self, address: int, length: int) -> bytes:
        data = self._space.piece(address, length)
        if data:
            return data
        for start, end, read in self._fillers:
            if start <= address < end:
                return read(address, min(length, end - address))
        return b""

    def view(self, address: int, length: int) -> memoryview | None:
        """The bytes where they lie, if the dump has them."""
        view = getattr(self._space, "view", None)
        seen: memoryview | None = view(address, length) if view is not None else None
        return seen

    def regions(self) -> Sequence[MemoryRegion]:
        """What the dump has."""
        return self._space.regions()

    def find(self, needle: bytes) -> Iterator[int]:
        """Addresses of `needle` in the dump."""
        return self._space.find(needle)


class NoSpace(PieceSpace):
    """A dump without memory."""

    def piece(self, address: int, length: int) -> bytes:
        return b""
