"""How many bytes a form takes, and its value (DWARF 5, section 7.5.6).

Values are left as near to the file as can be: strings stay offsets or indexes until somebody asks for text.
References within a unit become offsets in the section.
"""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.leb import sleb, uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from unidbg_symbols.dwarf.unit import Unit

    Value = int | bytes
    Reader = Callable[[Unit, bytes, int], tuple[Value, int]]

_SIZES = {
    c.DW_FORM_data1: 1, c.DW_FORM_data2: 2, c.DW_FORM_data4: 4, c.DW_FORM_data8: 8, c.DW_FORM_data16: 16,
    c.DW_FORM_flag: 1, c.DW_FORM_flag_present: 0, c.DW_FORM_implicit_const: 0,
    c.DW_FORM_ref1: 1, c.DW_FORM_ref2: 2, c.DW_FORM_ref4: 4, c.DW_FORM_ref8: 8, c.DW_FORM_ref_sig8: 8,
    c.DW_FORM_ref_sup4: 4, c.DW_FORM_ref_sup8: 8,
    c.DW_FORM_strx1: 1, c.DW_FORM_strx2: 2, c.DW_FORM_strx3: 3, c.DW_FORM_strx4: 4,
    c.DW_FORM_addrx1: 1, c.DW_FORM_addrx2: 2, c.DW_FORM_addrx3: 3, c.DW_FORM_addrx4: 4,
}  # fmt: skip
_OFFSET_SIZED = frozenset(
    {
        c.DW_FORM_strp, c.DW_FORM_line_strp, c.DW_FORM_sec_offset, c.DW_FORM_strp_sup,
        c.DW_FORM_GNU_ref_alt, c.DW_FORM_GNU_strp_alt,
    }
)  # fmt: skip

# What a variable-size form starts with: how a skimmer steps over it.
STEP_LEB, STEP_BLOCK, STEP_BLOCK1, STEP_BLOCK2, STEP_BLOCK4, STEP_STRING, STEP_INDIRECT = range(1, 8)
_STEPS = {
    c.DW_FORM_sdata: STEP_LEB, c.DW_FORM_udata: STEP_LEB, c.DW_FORM_ref_udata: STEP_LEB,
    c.DW_FORM_strx: STEP_LEB, c.DW_FORM_addrx: STEP_LEB, c.DW_FORM_loclistx: STEP_LEB,
    c.DW_FORM_rnglistx: STEP_LEB, c.DW_FORM_GNU_addr_index: STEP_LEB, c.DW_FORM_GNU_str_index: STEP_LEB,
    c.DW_FORM_exprloc: STEP_BLOCK, c.DW_FORM_block: STEP_BLOCK, c.DW_FORM_block1: STEP_BLOCK1,
    c.DW_FORM_block2: STEP_BLOCK2, c.DW_FORM_block4: STEP_BLOCK4, c.DW_FORM_string: STEP_STRING,
    c.DW_FORM_indirect: STEP_INDIRECT,
}  # fmt: skip


def fixed_size(form: int, unit: Unit) -> int | None:
    """Bytes of a form in this unit, None when they vary. An unknown form raises LookupError."""
    size = _SIZES.get(form)
    if size is not None:
        return size
    if form in _OFFSET_SIZED:
        return unit.offset_size
    if form == c.DW_FORM_addr:
        return unit.address_size
    if form == c.DW_FORM_ref_addr:
        return unit.address_size if unit.version == 2 else unit.offset_size
    if form in _STEPS:
        return None
    raise LookupError(f"unknown form {form:#x}")


def step_kind(form: int) -> int:
    """How to step over a form that varies in size."""
    return _STEPS[form]


def step_over(unit: Unit, data: bytes, at: int, kind: int) -> int:
    """The offset after a variable-size value."""
    if kind == STEP_LEB:
        while data[at] >= 0x80:
            at += 1
        return at + 1
    if kind == STEP_BLOCK:
        size, at = uleb(data, at)
        return at + size
    if kind == STEP_BLOCK1:
        return at + 1 + data[at]
    if kind == STEP_STRING:
        return _end_of_string(data, at) + 1
    if kind == STEP_BLOCK2:
        return at + 2 + int(unit.u16(data, at)[0])
    if kind == STEP_BLOCK4:
        return at + 4 + int(unit.u32(data, at)[0])
    form, at = uleb(data, at)
    return _step_over_indirect(unit, data, at, form)


def _step_over_indirect(unit: Unit, data: bytes, at: int, form: int) -> int:
    if form in (c.DW_FORM_indirect, c.DW_FORM_implicit_const):
        raise LookupError("an indirect form of no meaning")
    size = fixed_size(form, unit)
    return at + size if size is not None else step_over(unit, data, at, _STEPS[form])


def read_form(unit: Unit, data: bytes, at: int, form: int, implicit: int) -> tuple[int, Value, int]:
    """(form after indirection, value, offset after it)."""
    if form == c.DW_FORM_implicit_const:
        return form, implicit, at
    if form == c.DW_FORM_indirect:
        form, at = uleb(data, at)
        if form in (c.DW_FORM_indirect, c.DW_FORM_implicit_const):
            raise LookupError("an indirect form of no meaning")
    value, at = _READERS[form](unit, data, at)
    return form, value, at


def _u8(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return data[at], at + 1


def _u16(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return unit.u16(data, at)[0], at + 2


def _u24(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    low, high = (0, 2) if unit.little_endian else (2, 0)
    return data[at + low] | data[at + 1] << 8 | data[at + high] << 16, at + 3


def _u32(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return unit.u32(data, at)[0], at + 4


def _u64(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return unit.u64(data, at)[0], at + 8


def _offset(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return (unit.u32 if unit.offset_size == 4 else unit.u64)(data, at)[0], at + unit.offset_size


def _address(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    size = unit.address_size
    if size == 8:
        return unit.u64(data, at)[0], at + 8
    return (unit.u32 if size == 4 else unit.u16)(data, at)[0], at + size


def _ref_addr(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    # In DWARF 2 a reference to another unit had the size of an address.
    return _address(unit, data, at) if unit.version == 2 else _offset(unit, data, at)


def _ref1(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return unit.offset + data[at], at + 1


def _ref2(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return unit.offset + int(unit.u16(data, at)[0]), at + 2


def _ref4(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return unit.offset + int(unit.u32(data, at)[0]), at + 4


def _ref8(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return unit.offset + int(unit.u64(data, at)[0]), at + 8


def _ref_udata(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    value, at = uleb(data, at)
    return unit.offset + value, at


def _uleb(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return uleb(data, at)


def _sleb(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return sleb(data, at)


def _one(unit: Unit, data: bytes, at: int) -> tuple[int, int]:
    return 1, at


def _take(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if at + size > len(data):
        raise IndexError("a block past the end")
    return data[at : at + size], at + size


def _data16(unit: Unit, data: bytes, at: int) -> tuple[bytes, int]:
    return _take(data, at, 16)


def _block(unit: Unit, data: bytes, at: int) -> tuple[bytes, int]:
    size, at = uleb(data, at)
    return _take(data, at, size)


def _block1(unit: Unit, data: bytes, at: int) -> tuple[bytes, int]:
    return _take(data, at + 1, data[at])


def _block2(unit: Unit, data: bytes, at: int) -> tuple[bytes, int]:
    return _take(data, at + 2, unit.u16(data, at)[0])


def _block4(unit: Unit, data: bytes, at: int) -> tuple[bytes, int]:
    return _take(data, at + 4, unit.u32(data, at)[0])


def _end_of_string(data: bytes, at: int) -> int:
    end = data.find(b"\0", at)
    if end < 0:
        raise IndexError("a string without end")
    return end


def _string(unit: Unit, data: bytes, at: int) -> tuple[bytes, int]:
    end = _end_of_string(data, at)
    return data[at:end], end + 1


_READERS: dict[int, Reader] = {
    c.DW_FORM_strp: _offset, c.DW_FORM_ref4: _ref4, c.DW_FORM_data1: _u8, c.DW_FORM_data2: _u16,
    c.DW_FORM_data4: _u32, c.DW_FORM_data8: _u64, c.DW_FORM_data16: _data16, c.DW_FORM_addr: _address,
    c.DW_FORM_exprloc: _block, c.DW_FORM_block: _block, c.DW_FORM_block1: _block1, c.DW_FORM_block2: _block2,
    c.DW_FORM_block4: _block4, c.DW_FORM_string: _string, c.DW_FORM_flag: _u8, c.DW_FORM_flag_present: _one,
    c.DW_FORM_sdata: _sleb, c.DW_FORM_udata: _uleb, c.DW_FORM_ref_addr: _ref_addr, c.DW_FORM_ref1: _ref1,
    c.DW_FORM_ref2: _ref2, c.DW_FORM_ref8: _ref8, c.DW_FORM_ref_udata: _ref_udata,
    c.DW_FORM_sec_offset: _offset, c.DW_FORM_strx: _uleb, c.DW_FORM_addrx: _uleb, c.DW_FORM_ref_sup4: _u32,
    c.DW_FORM_strp_sup: _offset, c.DW_FORM_line_strp: _offset, c.DW_FORM_ref_sig8: _u64,
    c.DW_FORM_loclistx: _uleb, c.DW_FORM_rnglistx: _uleb, c.DW_FORM_ref_sup8: _u64, c.DW_FORM_strx1: _u8,
    c.DW_FORM_strx2: _u16, c.DW_FORM_strx3: _u24, c.DW_FORM_strx4: _u32, c.DW_FORM_addrx1: _u8,
    c.DW_FORM_addrx2: _u16, c.DW_FORM_addrx3: _u24, c.DW_FORM_addrx4: _u32,
    c.DW_FORM_GNU_addr_index: _uleb, c.DW_FORM_GNU_str_index: _uleb, c.DW_FORM_GNU_ref_alt: _offset,
    c.DW_FORM_GNU_strp_alt: _offset,
}  # fmt: skip
