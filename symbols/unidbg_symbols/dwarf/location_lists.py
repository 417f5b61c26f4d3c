"""Location lists: where a variable is, by address (DWARF 5, section 2.6.2; DWARF 4, section 2.6.2)."""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.leb import uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unidbg_symbols.dwarf.unit import Unit

_MOST_ENTRIES = 1 << 16


def find_location(unit: Unit, form: int, value: int, pc: int) -> bytes | None:
    """The expression that holds at `pc`, of the list that DW_AT_location refers to; None: not there."""
    base = unit.low_pc
    if unit.version < 5:
        find = _find_in_split_loc if unit.skeleton else _find_in_loc
        return find(unit, value, base, pc)
    if form == c.DW_FORM_loclistx:
        value = _indexed_list(unit, value)
    return _find_in_loclists(unit, value, base, pc)


def _indexed_list(unit: Unit, index: int) -> int:
    base = unit.base(c.DW_AT_loclists_base, 12 if unit.offset_size == 4 else 20)
    at = base + index * unit.offset_size
    unpack = unit.u32 if unit.offset_size == 4 else unit.u64
    return base + int(unpack(unit.dwarf.data(".debug_loclists"), at)[0])


def _find_in_loc(unit: Unit, at: int, base: int, pc: int) -> bytes | None:
    data = unit.dwarf.data(".debug_loc")
    size = unit.address_size
    unpack = unit.u64 if size == 8 else unit.u32
    highest = (1 << size * 8) - 1
    for _ in range(_MOST_ENTRIES):
        start, end = int(unpack(data, at)[0]), int(unpack(data, at + size)[0])
        at += 2 * size
        if start == highest:
            base = end
            continue
        if start == 0 and end == 0:
            return None
        length = int(unit.u16(data, at)[0])
        at += 2
        if base + start <= pc < base + end:
            return _expression(data, at, length)
        at += length
    return None


def _find_in_split_loc(unit: Unit, at: int, base: int, pc: int) -> bytes | None:
    """GNU's .debug_loc.dwo of DWARF 4: entries with a kind, addresses by index."""
    data = unit.dwarf.data(".debug_loc")
    for _ in range(_MOST_ENTRIES):
        kind = data[at]
        at += 1
        if kind == 0:
            return None
        first, at = uleb(data, at)
        if kind == 1:  # a base address: no other entry counts from it
            continue
        start = unit.dwarf.indexed_address(unit, first)
        if kind == 2:
            second, at = uleb(data, at)
            end = unit.dwarf.indexed_address(unit, second)
        elif kind == 3:
            end, at = start + int(unit.u32(data, at)[0]), at + 4
        else:
            raise LookupError(f"unknown entry {kind}")
        length = int(unit.u16(data, at)[0])
        at += 2
        if start <= pc < end:
            return _expression(data, at, length)
        at += length
    return None


def _find_in_loclists(unit: Unit, at: int, base: int, pc: int) -> bytes | None:
    data = unit.dwarf.data(".debug_loclists")
    default: bytes | None = None
    for _ in range(_MOST_ENTRIES):
        kind = data[at]
        at += 1
        if kind == 0:
            return default
        if kind in (1, 6):
            base, at = _base(unit, data, at, kind)
            continue
        start, end, at = _range(unit, data, at, kind, base)
        if kind == 9:  # a pair of view numbers, of GNU: nothing but for stepping
            continue
        length, at = uleb(data, at)
        if kind == 5:
            default = _expression(data, at, length)
        elif start <= pc < end:
            return _expression(data, at, length)
        at += length
    return default


def _base(unit: Unit, data: bytes, at: int, kind: int) -> tuple[int, int]:
    if kind == 1:
        index, at = uleb(data, at)
        return unit.dwarf.indexed_address(unit, index), at
    return _address(unit, data, at)


def _address(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    size = unit.address_size
    return int((unit.u64 if size == 8 else unit.u32)(data, at)[0]), at + size


def _range(unit: Unit, data: bytes, at: int, kind: int, base: int) -> tuple[int, int, int]:
    """(start, end, offset after them) of an entry."""
    if kind == 5:
        return 0, 0, at
    if kind in (7, 8):
        start, at = _address(unit, data, at)
        end, at = _address(unit, data, at) if kind == 7 else uleb(data, at)
        return start, end if kind == 7 else start + end, at
    if kind not in (2, 3, 4, 9):
        raise LookupError(f"unknown entry {kind}")
    first, at = uleb(data, at)
    second, at = uleb(data, at)
    if kind == 2:
        return unit.dwarf.indexed_address(unit, first), unit.dwarf.indexed_address(unit, second), at
    if kind == 3:
        start = unit.dwarf.indexed_address(unit, first)
        return start, start + second, at
    return base + first, base + second, at


def _expression(data: bytes, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise LookupError("an expression past the end")
    return data[at : at + length]
