"""Guest-physical memory in another process, and guest-virtual memory over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from unidbg.target.base import MemoryRegion
from unidbg.target.dump.paged import PagedSpace, Root
from unidbg.target.dump.space import PieceSpace
from unidbg.target.host.ways import Way

FRESH = 0.02
"""Seconds for which a translation is believed while the guest may run."""


class Block(NamedTuple):
    """Guest-physical memory from `start` on, and where the process has it."""

    start: int
    length: int
    host: int


class HostSpace(PieceSpace):
    """Blocks of guest-physical memory, read by one of the ways. Close it."""

    reason = "no RAM of the guest"

    def __init__(self, way: Way, blocks: Sequence[Block]) -> None:
        self.way = way
        self._blocks = sorted(blocks)

    def host(self, address: int) -> tuple[int, int] | None:
        """(address in the process, bytes to the end of the block)."""
        for block in self._blocks:
            if block.start <= address < block.start + block.length:
                inside = address - block.start
                return block.host + inside, block.length - inside
        return None

    def piece(self, address: int, length: int) -> bytes:
        found = self.host(address)
        return self.way.read(found[0], min(length, found[1])) if found else b""

    def untouched(self, address: int, length: int) -> bool:
        """Whether no page of a range was ever touched: then it is zeros."""
        found = self.host(address)
        return found is not None and found[1] >= length and self.way.untouched(found[0], length)

    def close(self) -> None:
        """Let the process go. Idempotent."""
        self.way.close()

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """All ranges in as few calls of the system as can be."""
        found = [self.host(address) for address, _ in ranges]
        whole = [
            (place[0], length) if place and place[1] >= length else (0, 0)
            for place, (_, length) in zip(found, ranges, strict=True)
        ]
        read = self.way.read_many([r for r in whole if r[1]])
        answers = iter(read)
        return [
            self._whole(next(answers) if r[1] else b"", address, length)
            for r, (address, length) in zip(whole, ranges, strict=True)
        ]

    def _whole(self, data: bytes, address: int, length: int) -> bytes | None:
        return data if len(data) == length else self._try(address, length)

    def regions(self) -> Sequence[MemoryRegion]:
        """The blocks."""
        return [MemoryRegion(block.start, block.start + block.length) for block in self._blocks]


class LiveSpace(PagedSpace):
    """Virtual memory of a guest that may run: translations are not believed for long."""

    def __init__(self, physical: HostSpace, root: Callable[[], Root | None]) -> None:
        """`root` tells the page tables; `None` where paging is off, then virtual is physical."""
        super().__init__(physical, Root(0))
        self._find_root = root
        self._off = True
        self._since = 0.0

    def forget(self) -> None:
        """The guest went on, or stopped: everything may have changed."""
        self._since = 0.0

    def view(self, address: int, length: int) -> memoryview | None:
        """Nothing is looked at where it lies: it would change meanwhile."""
        return None

    def piece(self, address: int, length: int) -> bytes:
        now = time.monotonic()
        if now - self._since > FRESH:
            self._forget()
            root = self._find_root() if self._since == 0.0 else self.root
            self._off = root is None
            self.root = root or Root(0)
            self._since = now
        return self._physical.piece(address, length) if self._off else super().piece(address, length)
