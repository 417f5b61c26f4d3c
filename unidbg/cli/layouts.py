"""A type of an image as `TypeInfo`: members at their offsets, and the holes between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unidbg_symbols.types import (
    EnumType,
    Member,
    PointerType,
    QualifiedType,
    StructType,
    Type,
    TypedefType,
    strip,
)

from unidbg.views.inspect import MemberInfo, TypeInfo

MAX_DEPTH = 16
"""Nameless structs inside nameless structs; a damaged image may nest them for ever."""


def type_infos(found: Type) -> tuple[TypeInfo, ...]:
    """The layout of a type; of a typedef also what it stands for."""
    infos = [_info(found)]
    if isinstance(found, (TypedefType, QualifiedType)):
        target = strip(found)
        if isinstance(target, (StructType, EnumType)):
            infos.append(_info(target))
    return tuple(infos)


def _info(found: Type) -> TypeInfo:
    members: tuple[MemberInfo, ...] = ()
    file, line = "", 0
    if isinstance(found, StructType):
        file, line = found.file, found.line
        members = tuple(_with_holes(list(_members(found, 0, 0)), found))
    text = _declaration(found)
    return TypeInfo(found.name, _kind(found), found.size, members, text, file or None, line or None)


def _kind(found: Type) -> str:
    """The word of C, or of the family of types."""
    if isinstance(found, StructType):
        return found.kind
    for cls, word in ((EnumType, "enum"), (TypedefType, "typedef"), (PointerType, "pointer")):
        if isinstance(found, cls):
            return word
    return type(found).__name__.removesuffix("Type").lower()


def _members(owner: StructType, base: int, depth: int) -> Iterator[MemberInfo]:
    """Members with offsets from the outermost struct, those of nameless structs lifted to it."""
    for member in _own_members(owner):
        inner = strip(member.type)
        yield _member(member, base)
        if not member.name and not member.is_base and isinstance(inner, StructType) and depth < MAX_DEPTH:
            yield from _members(inner, base + member.offset, depth + 1)


def _own_members(owner: StructType) -> Iterator[Member]:
    yield from owner.members
    if owner.variants is not None:
        if owner.variants.discriminant is not None:
            yield owner.variants.discriminant
        for variant in owner.variants.variants:
            yield from variant.members


def _member(member: Member, base: int) -> MemberInfo:
    kind = "base" if member.is_base else "member" if member.name else "nameless"
    offset = base + member.offset
    return MemberInfo(
        member.name, member.type.name, offset, member.type.size, member.bit_offset, member.bit_size, kind
    )


def _with_holes(members: Sequence[MemberInfo], owner: StructType) -> Iterator[MemberInfo]:
    """The members, with what lies unused between and after them. Unions and Rust enums overlap by nature."""
    end = 0
    overlaps = owner.kind == "union" or owner.variants is not None
    for member in members:
        first, last = _bits(member)
        if not overlaps:
            yield from _holes(end, first)
        end = max(end, last)
        yield member
    if members and not overlaps:
        yield from _holes(end, 8 * owner.size)


def _bits(member: MemberInfo) -> tuple[int, int]:
    """(first bit, one past the last), from the start of the struct."""
    first = 8 * member.offset_bytes + (member.bit_offset or 0)
    return first, first + (member.bit_size or 8 * member.size_bytes)


def _holes(end: int, start: int) -> Iterator[MemberInfo]:
    """The unused bits up to `start`: the rest of a byte that was begun, whole bytes, the begin of another."""
    whole = min(start, (end + 7) // 8 * 8)
    if end < whole:
        yield MemberInfo("", "", end // 8, 0, end % 8, whole - end, "hole")
    size = (start - whole) // 8
    if size > 0:
        yield MemberInfo("", "", whole // 8, size, None, None, "hole")
    if start > whole and start % 8:
        yield MemberInfo("", "", start // 8, 0, 0, start % 8, "hole")


def _declaration(found: Type) -> str:
    if isinstance(found, StructType):
        if not found.complete:
            return f"{found.name};"
        lines = (f"    {_spelled(member)};" for member in found.members)
        return "\n".join([f"{found.name} {{", *lines, "};"])
    if isinstance(found, EnumType):
        lines = (f"    {name} = {value}," for name, value in found.enumerators)
        return "\n".join([f"{found.name} {{", *lines, "};"])
    if isinstance(found, TypedefType):
        return f"typedef {found.target.spell(found.name)};"
    return found.name


def _spelled(member: Member) -> str:
    bits = f" : {member.bit_size}" if member.bit_size else ""
    return f"{member.type.spell(member.name)}{bits}"
