"""What does not change between two refreshes: the read-only data of the images, kept for a while.

A slow line need not bring the same names and tables four times a second. They are read from the guest, never
taken from the file, and read again every `AGE` seconds: somebody may have written to them after all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from unidbg.program.module import PT_LOAD, Module

AGE = 10.0
"""Seconds for which a constant is believed."""
MAX_BYTES = 256 << 10
"""Bytes that are kept: names and tables, not the code of an image that somebody compares."""
PF_W = 2

Range = tuple[int, int]


class Constants:
    """Of one target. `modules` are verified, or else nothing is kept."""

    def __init__(self, modules: Sequence[Module]) -> None:
        self._extents = [extent for module in modules for extent in _read_only(module)]
        self._since = 0.0
        self._bytes = 0
        self.blocks: dict[Range, bytes] = {}

    def covers(self, address: int, length: int) -> bool:
        """Whether the range lies in what no guest should write to."""
        return any(start <= address and address + length <= end for start, end in self._extents)

    def wanted(self, ranges: Iterable[Range]) -> set[Range]:
        """Those of `ranges` that the next refresh has to read; when the constants are old, that is all."""
        if self.blocks and time.monotonic() - self._since > AGE:
            self.blocks.clear()
        return {found for found in ranges if found not in self.blocks}

    def learn(self, ranges: Iterable[Range], read: Callable[[int, int], bytes | None]) -> None:
        """Keep those of `ranges` that are constant, as `read` has them."""
        if not self.blocks:
            self._since, self._bytes = time.monotonic(), 0
        for address, length in ranges:
            new = (address, length) not in self.blocks and self._bytes + length <= MAX_BYTES
            if new and self.covers(address, length) and (data := read(address, length)) is not None:
                self.blocks[address, length] = data
                self._bytes += length


def _read_only(module: Module) -> Iterable[Range]:
    if module.verified == "unverified":
        return
    for segment in module.image.segments:
        if segment.p_type == PT_LOAD and not segment.flags & PF_W:
            start = module.run_address(segment.vaddr)
            yield start, start + segment.filesz
