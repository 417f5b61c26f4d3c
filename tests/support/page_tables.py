"""Builds page tables of x86_64 in fake physical memory."""

from __future__ import annotations

import struct

from tests.support.fake_target import FakeMemory
from unidbg.program.paging import LARGE, PRESENT


class TableBuilder:
    """Tables from `base` on; each call of `map` adds one page and the tables it needs."""

    def __init__(self, base: int = 0x10_0000, levels: int = 4) -> None:
        self.root = base
        self.levels = levels
        self._next = base + 4096
        self.tables: dict[int, list[int]] = {base: [0] * 512}

    def map(self, virtual: int, physical: int, flags: int, *, level: int = 1, above: int = 7) -> None:
        """One page of level 1 (4 KiB), 2 (2 MiB) or 3 (1 GiB) with entry `flags`; `above` are the flags on
        the way.
        """
        table = self.root
        for step in range(self.levels, level, -1):
            table = self._below(table, virtual >> (12 + 9 * (step - 1)) & 511, above)
        entry = physical | flags | PRESENT | (LARGE if level > 1 else 0)
        self.tables[table][virtual >> (12 + 9 * (level - 1)) & 511] = entry

    def _below(self, table: int, index: int, flags: int) -> int:
        if not self.tables[table][index]:
            self.tables[self._next] = [0] * 512
            self.tables[table][index] = self._next | flags
            self._next += 4096
        return self.tables[table][index] & 0x000F_FFFF_FFFF_F000

    def memory(self) -> FakeMemory:
        """Physical memory that holds the tables."""
        return FakeMemory({at: struct.pack("<512Q", *entries) for at, entries in self.tables.items()})
