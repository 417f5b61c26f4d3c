"""Address ranges of a DIE: low and high pc, or a list (DWARF 5, sections 2.17, 7.25; DWARF 4, 7.23)."""

from __future__ import annotations

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.leb import uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unidbg_symbols.dwarf.die import Die
    from unidbg_symbols.dwarf.unit import Unit

    Ranges = list[tuple[int, int]]

_ADDRESS_FORMS = frozenset(
    {
        c.DW_FORM_addr, c.DW_FORM_addrx, c.DW_FORM_addrx1, c.DW_FORM_addrx2, c.DW_FORM_addrx3,
        c.DW_FORM_addrx4, c.DW_FORM_GNU_addr_index,
    }
)  # fmt: skip
_MOST_RANGES = 1 << 20


def die_ranges(die: Die) -> Ranges:
    """[(start, end)] of the code of a DIE, dead code included; empty where it has none."""
    if c.DW_AT_ranges in die:
        what = f"the ranges of the entry at {die.offset:#x}"
        with parsing(what, die.unit.dwarf.path):
            return range_list(die.unit, die.form(c.DW_AT_ranges), die.uint(c.DW_AT_ranges))
    low = die.address(c.DW_AT_low_pc)
    if low is None or c.DW_AT_high_pc not in die:
        return []
    if die.form(c.DW_AT_high_pc) in _ADDRESS_FORMS:
        high = die.address(c.DW_AT_high_pc) or 0
    else:
        high = low + die.uint(c.DW_AT_high_pc)
    return [(low, high)] if high > low else []


def range_list(unit: Unit, form: int, value: int) -> Ranges:
    """The list that DW_AT_ranges refers to."""
    base = unit.low_pc
    if unit.version < 5:
        return _read_ranges(unit, value + _ranges_base(unit), base)
    if form == c.DW_FORM_rnglistx:
        value = _indexed_list(unit, value)
    return _read_rnglists(unit, value, base)


def _ranges_base(unit: Unit) -> int:
    """GNU's split units count from where the skeleton says; the skeleton itself does not."""
    return unit.skeleton.base(c.DW_AT_GNU_ranges_base) if unit.skeleton else 0


def _indexed_list(unit: Unit, index: int) -> int:
    # Without a base (split units) the offset table follows the section's only header.
    base = unit.base(c.DW_AT_rnglists_base, 12 if unit.offset_size == 4 else 20)
    at = base + index * unit.offset_size
    unpack = unit.u32 if unit.offset_size == 4 else unit.u64
    return base + int(unpack(unit.dwarf.data(".debug_rnglists"), at)[0])


def _read_ranges(unit: Unit, at: int, base: int) -> Ranges:
    data = unit.dwarf.main.data(".debug_ranges")
    size = unit.address_size
    unpack = unit.u64 if size == 8 else unit.u32
    highest = (1 << size * 8) - 1
    found: Ranges = []
    for _ in range(_MOST_RANGES):
        start, end = int(unpack(data, at)[0]), int(unpack(data, at + size)[0])
        at += 2 * size
        if start == highest:
            base = end
        elif start == 0 and end == 0:
            break
        elif end > start:
            found.append((base + start, base + end))
    return found


def _read_rnglists(unit: Unit, at: int, base: int) -> Ranges:
    data = unit.dwarf.data(".debug_rnglists")
    size = unit.address_size
    unpack = unit.u64 if size == 8 else unit.u32
    found: Ranges = []
    for _ in range(_MOST_RANGES):
        kind = data[at]
        at += 1
        start = end = 0
        if kind == 0:  # end of list
            break
        if kind == 1:  # base address by index
            index, at = uleb(data, at)
            base = unit.dwarf.indexed_address(unit, index)
        elif kind == 2:  # start and end by index
            first, at = uleb(data, at)
            second, at = uleb(data, at)
            start = unit.dwarf.indexed_address(unit, first)
            end = unit.dwarf.indexed_address(unit, second)
        elif kind == 3:  # start by index, length
            first, at = uleb(data, at)
            length, at = uleb(data, at)
            start = unit.dwarf.indexed_address(unit, first)
            end = start + length
        elif kind == 4:  # offsets from the base
            first, at = uleb(data, at)
            second, at = uleb(data, at)
            start, end = base + first, base + second
        elif kind == 5:  # base address
            base = int(unpack(data, at)[0])
            at += size
        elif kind == 6:  # start and end
            start, end = int(unpack(data, at)[0]), int(unpack(data, at + size)[0])
            at += 2 * size
        elif kind == 7:  # start and length
            start = int(unpack(data, at)[0])
            length, at = uleb(data, at + size)
            end = start + length
        else:
            raise LookupError(f"unknown entry {kind}")
        if end > start:
            found.append((start, end))
    return found
