"""The inside of a struct: members, bit-fields in both encodings, base classes, Rust's variant parts."""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.leb import sleb, uleb
from unidbg_symbols.types import Member, StructBody, Variant, VariantPart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unidbg_symbols.dwarf.die import Die
    from unidbg_symbols.dwarf.type_builder import TypeBuilder

_DW_OP_plus_uconst = 0x23
_DW_OP_constu = 0x10


def read_body(builder: TypeBuilder, die: Die) -> StructBody:
    """The size and the members of a complete struct, union or class."""
    size = die.size(c.DW_AT_byte_size)
    members: list[Member] = []
    variants: VariantPart | None = None
    for child in die.children():
        if child.tag == c.DW_TAG_variant_part:
            variants = _variant_part(builder, child, size)
        else:
            member = _member(builder, child, size)
            if member is not None:
                members.append(member)
    return StructBody(size, tuple(members), variants)


def _member(builder: TypeBuilder, die: Die, struct_size: int) -> Member | None:
    """A data member or base class; None for anything else: static members, methods, nested types."""
    if die.tag not in (c.DW_TAG_member, c.DW_TAG_inheritance):
        return None
    if die.flag(c.DW_AT_external) or die.flag(c.DW_AT_declaration):
        return None
    offset = _byte_offset(die)
    if offset is None:
        return None
    type_ = builder.later(die)
    bit_size = die.size(c.DW_AT_bit_size)
    if not bit_size:
        return Member(die.name, type_, offset, is_base=die.tag == c.DW_TAG_inheritance)
    unit_size = die.size(c.DW_AT_byte_size) or builder.type_of(die).size
    return Member(die.name, type_, *_bit_place(die, offset, unit_size, bit_size, struct_size), bit_size)


def _byte_offset(die: Die) -> int | None:
    """DW_AT_data_member_location; None where only the run-time object tells it (virtual base classes)."""
    block = die.block(c.DW_AT_data_member_location)
    if block is None:
        return die.size(c.DW_AT_data_member_location)
    if block and block[0] in (_DW_OP_plus_uconst, _DW_OP_constu):
        value, end = uleb(block, 1)
        return value if end == len(block) else None
    return None


def _bit_place(die: Die, offset: int, unit_size: int, bit_size: int, struct_size: int) -> tuple[int, int]:
    """(byte offset of the unit, shift to the right) of a bit-field."""
    little = die.unit.little_endian
    if c.DW_AT_data_bit_offset in die:
        first = offset * 8 + die.size(c.DW_AT_data_bit_offset)
    elif c.DW_AT_bit_offset in die:
        # DWARF 2 and 3 count from the most significant bit of the unit; it may be negative.
        from_top = _signed(die.uint(c.DW_AT_bit_offset))
        first = offset * 8 + (unit_size * 8 - from_top - bit_size if little else from_top)
    else:
        first = offset * 8
    start = first // (unit_size * 8) * unit_size if unit_size else first // 8
    if first + bit_size > (start + unit_size) * 8 or start + unit_size > max(struct_size, unit_size):
        start = first // 8
    within = first - start * 8
    return start, within if little else max(unit_size * 8 - within - bit_size, 0)


def _signed(value: int) -> int:
    """A bit offset that a producer wrote as an unsigned form of 4 or 8 bytes though it is negative."""
    for bits in (32, 64):
        if (1 << bits - 1) <= value < 1 << bits:
            return value - (1 << bits)
    return value


def _variant_part(builder: TypeBuilder, die: Die, struct_size: int) -> VariantPart:
    target = die.reference(c.DW_AT_discr)
    discriminant: Member | None = None
    variants: list[Variant] = []
    for child in die.children():
        if child.tag == c.DW_TAG_member and target is not None and child.offset == target[1]:
            discriminant = _member(builder, child, struct_size)
        elif child.tag == c.DW_TAG_variant:
            found = (_member(builder, each, struct_size) for each in child.children())
            members = tuple(member for member in found if member is not None)
            variants.append(Variant(_discriminants(child), members))
    return VariantPart(discriminant, tuple(variants))


def _discriminants(die: Die) -> tuple[tuple[int, int], ...]:
    """The values that choose a variant: one, or a list of values and ranges (DWARF 5, section 5.7.10)."""
    if c.DW_AT_discr_value in die:
        value = die.uint(c.DW_AT_discr_value)
        return ((value, value),)
    block = die.block(c.DW_AT_discr_list) or b""
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(block):
        is_range = block[at] == 1
        low, at = sleb(block, at + 1)
        high = low
        if is_range:
            high, at = sleb(block, at)
        found.append((low, high))
    return tuple(found)
