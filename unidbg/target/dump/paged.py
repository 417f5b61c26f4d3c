"""Virtual memory by walking the page tables in the dump, as the processor did (Intel SDM, volume 3A, 4.5).

Only the tables of the addresses that are asked for are read. Where a table itself is not in the dump, what
the file's headers say of the address is taken instead.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from unidbg.errors import MemoryFault
from unidbg.target.base import MemoryRegion
from unidbg.target.dump.space import PieceSpace

PRESENT, LARGE = 1, 1 << 7
ADDRESS = 0x000F_FFFF_FFFF_F000
CR0_PG, CR4_LA57 = 1 << 31, 1 << 12
ENTRY = struct.Struct("<Q")
MAX_KNOWN = 1 << 18
"""Translations that are kept."""
MAX_TABLES = 1 << 12
"""Tables that are kept: 16 MiB of them."""
TABLE_BYTES = 4096


class Root(NamedTuple):
    """Physical address of the top table, and the number of levels (4 or 5)."""

    physical: int
    levels: int = 4


class PagedSpace(PieceSpace):
    """Virtual memory under one root."""

    def __init__(self, physical: PieceSpace, root: Root, headers: PieceSpace | None = None) -> None:
        self._physical = physical
        self.root = root
        self._headers = headers
        self._known: dict[int, tuple[int, int] | None] = {}
        """Page number to (physical address of the page, bytes from its start to the mapping's end)."""
        self._tables: dict[int, bytes] = {}
        self.reason = "not mapped, or not in the dump"

    def piece(self, address: int, length: int) -> bytes:
        if address >> 64:
            return b""
        try:
            found = self._page(address >> 12)
        except MemoryFault:  # the table is not in the dump
            return self._headers.piece(address, length) if self._headers is not None else b""
        if found is None:
            return b""
        physical, room = found
        inside = address & 0xFFF
        return self._physical.piece(physical + inside, min(length, room - inside))

    def view(self, address: int, length: int) -> memoryview | None:
        """The bytes from `address` on as they lie in the file, as many as lie together; not copied."""
        view = getattr(self._physical, "view", None)
        try:
            found = self._page(address >> 12) if 0 <= address < 1 << 64 else None
            if found is None or view is None:
                return None
            start, room = found[0] + (address & 0xFFF), found[1] - (address & 0xFFF)
            while room < length:
                more = self._following(address + room, start + room)
                if not more:
                    break
                room += more
        except MemoryFault:
            return None
        seen: memoryview | None = view(start, min(length, room))
        return seen

    def _following(self, address: int, physical: int) -> int:
        """Bytes from `address`, the start of a page, that are mapped to `physical` and on; 0: elsewhere."""
        if address >> 64:
            return 0
        table, shift = self._table(address)
        if table is None or shift > 12:
            found = self._page(address >> 12)
            return found[1] if found is not None and found[0] == physical else 0
        first = address >> 12 & 511
        entries = struct.unpack(f"<{512 - first}Q", self._physical.read(table + 8 * first, 8 * (512 - first)))
        for number, entry in enumerate(entries):
            if not entry & PRESENT or entry & ADDRESS != physical + (number << 12):
                return number << 12
        return len(entries) << 12

    def translate(self, address: int) -> int | None:
        """The physical address, `None` where nothing is mapped or the tables are not there."""
        try:
            found = self._page(address >> 12)
        except MemoryFault:
            return None
        return None if found is None else found[0] + (address & 0xFFF)

    def _page(self, page: int) -> tuple[int, int] | None:
        if page in self._known:
            return self._known[page]
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        found = self._known[page] = self._walk(page << 12)
        return found

    def _walk(self, address: int) -> tuple[int, int] | None:
        """MemoryFault where a table is not in the dump."""
        table, shift = self._table(address)
        if table is None:
            return None
        entry = self._entry(table, shift, address)
        size = 1 << shift
        inside = address & (size - 1)
        return ((entry & ADDRESS & ~(size - 1)) + inside, size - inside) if entry & PRESENT else None

    def _table(self, address: int) -> tuple[int | None, int]:
        """The table whose entry maps the page of `address`, and log2 of the page's bytes; `None`: none."""
        bits = 12 + 9 * self.root.levels
        if address >> (bits - 1) not in (0, (1 << (65 - bits)) - 1):
            return None, 0  # not canonical
        table = self.root.physical & ADDRESS
        for level in range(self.root.levels, 1, -1):
            shift = 3 + 9 * level
            entry = self._entry(table, shift, address)
            if not entry & PRESENT:
                return None, 0
            if entry & LARGE and level <= 3:
                return table, shift
            table = entry & ADDRESS
        return table, 12

    def _entry(self, table: int, shift: int, address: int) -> int:
        offset = 8 * (address >> shift & 511)
        whole = self._tables.get(table)
        if whole is None:
            whole = self._physical.piece(table, TABLE_BYTES)
            if len(whole) < TABLE_BYTES:  # a part of it may be there
                return int.from_bytes(self._physical.read(table + offset, 8), "little")
            if len(self._tables) >= MAX_TABLES:
                self._tables.clear()
            self._tables[table] = whole
        return int.from_bytes(whole[offset : offset + 8], "little")

    def _forget(self) -> None:
        """The tables may have changed."""
        self._known.clear()
        self._tables.clear()

    def regions(self) -> Sequence[MemoryRegion]:
        """What the headers say of virtual memory, if they do."""
        return self._headers.regions() if self._headers is not None else ()

    def find(self, needle: bytes) -> Iterator[int]:
        """Addresses of `needle` by the headers, where they are right."""
        if self._headers is None:
            return
        for address in self._headers.find(needle):
            if self.read_many([(address, len(needle))])[0] == needle:
                yield address


def credible(physical: PieceSpace, root: Root) -> bool:
    """Whether there is a page table at the root: it can be read, and an entry leads to memory."""
    try:
        table = physical.read(root.physical & ADDRESS, 4096)
    except MemoryFault:
        return False
    present = [entry for (entry,) in ENTRY.iter_unpack(table) if entry & PRESENT]
    return any(physical.piece(entry & ADDRESS, 8) for entry in present[:512])


def root_of(registers: dict[str, int | None]) -> Root | None:
    """The root that a vCPU's registers tell; `None` where they tell none or paging is off."""
    cr3 = registers.get("cr3")
    if not cr3 or not (registers.get("cr0") or CR0_PG) & CR0_PG:
        return None
    return Root(cr3, 5 if (registers.get("cr4") or 0) & CR4_LA57 else 4)
