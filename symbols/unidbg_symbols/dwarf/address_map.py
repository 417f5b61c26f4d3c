"""Which unit an address belongs to: .debug_aranges where it was written, else the units' own ranges."""

from __future__ import annotations

from bisect import bisect_right

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.ranges import die_ranges
from unidbg_symbols.dwarf.skim import siblings
from unidbg_symbols.elf.header import PF_X, PT_LOAD, SHF_ALLOC, SHF_EXECINSTR
from unidbg_symbols.intervals import flatten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.unit import Unit
    from unidbg_symbols.elf.file import ElfFile

_CODE_UNITS = frozenset({c.DW_TAG_compile_unit, c.DW_TAG_partial_unit, c.DW_TAG_skeleton_unit})


class AddressMap:
    """Units by address. What .debug_aranges does not cover is looked up in the units' own ranges."""

    def __init__(self, dwarf: Dwarf) -> None:
        self._dwarf = dwarf
        self._code = code_ranges(dwarf.elf)
        self._tables: list[tuple[list[int], list[int]]] = []
        self._described: set[int] = set()  # offsets of the units that .debug_aranges speaks of
        self._silent: list[Unit] = []  # those that tell no ranges
        self._offsets: list[int] = []  # of units, by the numbers in the tables
        self._units: dict[int, Unit | None] = {}
        self._stage = 0

    def unit_at(self, address: int) -> Unit | None:
        """The unit whose code contains an address."""
        number = 0
        while number < len(self._tables) or self._next_stage():
            starts, owners = self._tables[number]
            owner = owners[bisect_right(starts, address)]
            if owner >= 0:
                unit = self._units[owner] if owner in self._units else self._read(owner)
                if unit is not None:
                    return unit
            number += 1
        return None

    def _read(self, owner: int) -> Unit | None:
        """A unit of the tables; None where .debug_aranges leads to no unit."""
        unit = self._units[owner] = self._dwarf.unit_starting(self._offsets[owner])
        return unit

    def is_code(self, address: int) -> bool:
        """False for the addresses that linkers leave in the descriptions of code that they discarded."""
        number = bisect_right(self._code, (address, 1 << 65)) - 1
        return number >= 0 and address < self._code[number][1]

    def _next_stage(self) -> bool:
        self._stage += 1
        if self._stage == 1:
            with parsing(".debug_aranges", self._dwarf.path):
                self._tables.append(self._table(self._aranges()))
        elif self._stage == 2:
            self._tables.append(self._table(self._own_ranges()))
        elif self._stage == 3:
            self._tables.append(self._table(self._ranges_of_functions()))
        return self._stage <= 3

    def _table(self, found: Iterator[tuple[int, int, int]]) -> tuple[list[int], list[int]]:
        live = [each for each in found if self.is_code(each[0])]
        live.sort(key=lambda each: (each[0], -each[1]))
        return flatten(live)

    def _aranges(self) -> Iterator[tuple[int, int, int]]:
        """(start, end, number of the unit)."""
        for unit_offset, pairs in read_aranges(self._dwarf):
            number = self._number(unit_offset)
            self._described.add(unit_offset)
            yield from ((start, start + length, number) for start, length in pairs if length)

    def _number(self, unit_offset: int) -> int:
        self._offsets.append(unit_offset)
        return len(self._offsets) - 1

    def _own_ranges(self) -> Iterator[tuple[int, int, int]]:
        for unit in self._dwarf.units():
            if unit.offset not in self._described and unit.root.tag in _CODE_UNITS:
                ranges = die_ranges(unit.root) or _ranges_of_lines(unit)
                if not ranges:
                    self._silent.append(unit)
                    continue
                number = self._number(unit.offset)
                yield from ((start, end, number) for start, end in ranges)

    def _ranges_of_functions(self) -> Iterator[tuple[int, int, int]]:
        """Of units that tell no ranges though their functions have some: old producers did that."""
        for unit in self._silent:
            if not unit.root.has_children:
                continue
            number = self._number(unit.offset)
            with parsing(unit.section, self._dwarf.path):
                found = [
                    offset
                    for offset, abbrev, _ in siblings(unit, unit.root.end)
                    if abbrev.tag == c.DW_TAG_subprogram
                ]
            for offset in found:
                yield from ((start, end, number) for start, end in die_ranges(read_die(unit, offset)))


def _ranges_of_lines(unit: Unit) -> list[tuple[int, int]]:
    """For a unit without ranges of its own: what its line program covers."""
    if c.DW_AT_stmt_list not in unit.root:
        return []
    from unidbg_symbols.dwarf.lines import line_table

    return line_table(unit).covered()


def code_ranges(elf: ElfFile) -> list[tuple[int, int]]:
    """(start, end) of executable sections, or segments where there are no sections; sorted."""
    wanted = SHF_ALLOC | SHF_EXECINSTR
    found = [(s.addr, s.addr + s.size) for s in elf.sections if s.flags & wanted == wanted and s.size]
    if not found:
        found = [(s.vaddr, s.vaddr + s.memsz) for s in elf.segments if s.p_type == PT_LOAD and s.flags & PF_X]
    return sorted(found)


def read_aranges(dwarf: Dwarf) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """(offset of the unit, [(start, length)]) of each set in .debug_aranges (DWARF 5, section 6.1.2)."""
    from struct import Struct

    data = dwarf.data(".debug_aranges")
    order, at = dwarf.order, 0
    u32, u64 = Struct(order + "I").unpack_from, Struct(order + "Q").unpack_from
    while at + 12 <= len(data):
        length, wide, body = u32(data, at)[0], False, at + 4
        if length == 0xFFFFFFFF:
            length, wide, body = u64(data, body)[0], True, at + 12
        end = min(body + length, len(data))
        unit_offset = (u64 if wide else u32)(data, body + 2)[0]
        sizes = body + 2 + (8 if wide else 4)
        address_size = data[sizes]
        if address_size in (4, 8):
            pair = Struct(order + ("QQ" if address_size == 8 else "II"))
            start = sizes + 2
            start += -(start - at) % pair.size
            run = data[start : max(start, start + (end - start) // pair.size * pair.size)]
            yield unit_offset, list(pair.iter_unpack(run))
        at = body + length
