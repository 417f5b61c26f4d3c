"""Heaps with block headers, made by hand: what the forensics are tested on."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from unidbg.structures.blocks import HeaderLayout

LAYOUT = HeaderLayout(32, (0, 8), (8, 8), (16, 8), (24, 8))
KEY = 0x5A5A_1234_9876_A5A5
HEADER = struct.Struct("<QQQQ")


@dataclass
class HeapBuilder:
    """Appends blocks one after the other; `data` is the heap as it lies in memory at `start`."""

    start: int = 0x200000
    key: int = KEY
    data: bytearray = field(default_factory=bytearray)

    def block(self, size: int, content: bytes = b"", site: int = 0, *, free: bool = False) -> int:
        """Add a block of `size` bytes; the address of its data."""
        at = self.start + len(self.data)
        span = HEADER.size + max(16, (max(size, len(content)) + 15) & ~15)
        wanted = 0 if free else size
        self.data += HEADER.pack(self.key ^ at ^ span ^ wanted, span, wanted, site)
        self.data += content.ljust(span - HEADER.size, b"\0")
        return at + HEADER.size

    def poke(self, address: int, data: bytes) -> None:
        """Overwrite bytes at an address."""
        self.data[address - self.start : address - self.start + len(data)] = data

    def point(self, address: int, target: int) -> None:
        """A pointer at an address."""
        self.poke(address, target.to_bytes(8, "little"))
