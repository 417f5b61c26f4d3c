"""A section of which only the units that are asked for get read: an index or .debug_aranges names them."""

from __future__ import annotations

import os
from bisect import bisect_right

from unidbg_symbols.dwarf.unit import Unit, parse_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from unidbg_symbols.dwarf.context import Dwarf

_HEAD = 12  # bytes that tell the length of a unit, in either format


class Window:
    """Units by offset. Reads from the file into a map of zeroes as large as the section, unit by unit."""

    def __init__(self, dwarf: Dwarf, section: str, offsets: Sequence[int]) -> None:
        self._dwarf = dwarf
        self._name = section
        self._offsets = offsets
        self._units: dict[int, Unit] = {}
        self._starting: dict[int, Unit] = {}
        self._data = _buffer(dwarf, section)

    def unit_at(self, offset: int) -> Unit:
        """The unit that contains an offset; LookupError where the index knows none."""
        number = bisect_right(self._offsets, offset) - 1
        if number < 0:
            raise LookupError(f"no unit at {offset:#x} of {self._name}")
        found = self._units.get(number)
        if found is None:
            found = self._units[number] = self._read(number)
        if offset >= found.end:
            raise LookupError(f"no unit at {offset:#x} of {self._name}")
        return found

    def starting(self, offset: int) -> Unit:
        """The unit that starts at an offset; an error where none can."""
        found = self._starting.get(offset)
        if found is None:
            self._data.load(offset, min(offset + _HEAD, self._data.size))
            head = self._data.content[offset : offset + _HEAD]
            length = int.from_bytes(head[:4], self._dwarf.byteorder)
            if length == 0xFFFFFFFF:
                length = 8 + int.from_bytes(head[4:], self._dwarf.byteorder)
            self._data.load(offset, offset + 4 + length)
            found = self._starting[offset] = parse_unit(self._dwarf, self._name, self._data.content, offset)
        return found

    def _read(self, number: int) -> Unit:
        start = self._offsets[number]
        last = number + 1 >= len(self._offsets)
        self._data.load(start, self._data.size if last else self._offsets[number + 1])
        return parse_unit(self._dwarf, self._name, self._data.content, start)


class _Buffer:
    """The bytes of a section; `load` makes sure that a range of them is there."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.size = len(content)

    def load(self, start: int, end: int) -> None:
        """All of it is there."""


class _SparseBuffer(_Buffer):
    """Filled from the file as it is needed. An anonymous map: the pages that nobody asks for cost nothing."""

    def __init__(self, dwarf: Dwarf, offset: int, size: int) -> None:
        import mmap

        self._elf = dwarf.elf
        self._offset = offset
        self._map = mmap.mmap(-1, size)
        # Indexing, slicing, find and the buffer protocol are all that is asked of a section: a map has them.
        super().__init__(self._map)  # type: ignore[arg-type]

    def load(self, start: int, end: int) -> None:
        if not 0 <= start <= end <= self.size:
            raise LookupError(f"{start:#x}-{end:#x} is outside of the section")
        self._map[start:end] = self._elf.read_file(self._offset + start, end - start, "a unit")


def _buffer(dwarf: Dwarf, name: str) -> _Buffer:
    plain = dwarf.plain_section(name)
    if plain is None or os.name != "posix":
        return _Buffer(dwarf.data(name))
    return _SparseBuffer(dwarf, plain.offset, plain.size)
