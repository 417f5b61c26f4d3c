"""Arrays of structs decoded in one go: one read, one `struct.iter_unpack`, one tuple a row."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

from unidbg_symbols import types as t

from unidbg.program.value import MemberNotFound, WrongType

INTEGERS = {1: "b", 2: "h", 4: "i", 8: "q"}
FLOATS = {2: "e", 4: "f", 8: "d"}


def row_format(plain: t.StructType, names: Sequence[str], little_endian: bool = True) -> struct.Struct:
    """The layout of `names` (in any order) inside one element; WrongType for a member that is no scalar."""
    members = sorted((_placed(plain, name) for name in names), key=lambda m: m[0])
    text = "<" if little_endian else ">"
    at = 0
    for offset, size, code in members:
        if offset < at:
            raise WrongType(f"members of {plain.name} overlap and cannot be read as a table")
        text += f"{offset - at}x" * (offset > at) + code
        at = offset + size
    return struct.Struct(text + f"{plain.size - at}x" * (plain.size > at))


def rows(
    plain: t.StructType, data: bytes, names: Sequence[str], little_endian: bool = True
) -> Iterator[tuple[int | float | bytes, ...]]:
    """A tuple of the members `names`, in that order, for each whole element in `data`."""
    layout_ = row_format(plain, names, little_endian)
    whole = len(data) - len(data) % layout_.size if layout_.size else 0
    order = _order(plain, names)
    plainly = order == tuple(range(len(names)))
    unpacked: Iterable[tuple[int | float | bytes, ...]] = layout_.iter_unpack(data[:whole]) if whole else ()
    for row in unpacked:
        yield row if plainly else tuple(row[i] for i in order)


def _order(plain: t.StructType, names: Sequence[str]) -> tuple[int, ...]:
    by_offset = sorted(names, key=lambda name: _placed(plain, name)[0])
    return tuple(by_offset.index(name) for name in names)


def _placed(plain: t.StructType, name: str) -> tuple[int, int, str]:
    if name not in plain:
        raise MemberNotFound(f"{plain.name} has no member `{name}`", name=name)
    member = plain.member(name)
    return member.offset, member.type.size, _code(member, member.type.size)


def _code(member: t.Member, size: int) -> str:
    plain = t.strip(member.type)
    if member.bit_size is None:
        if isinstance(plain, t.FloatType) and size in FLOATS:
            return FLOATS[size]
        if isinstance(plain, t.ArrayType) and isinstance(t.strip(plain.element), t.IntType):
            if plain.element.size == 1:
                return f"{size}s"
        elif size in INTEGERS and not isinstance(plain, t.StructType | t.ArrayType):
            return INTEGERS[size] if getattr(plain, "signed", False) else INTEGERS[size].upper()
    raise WrongType(f"member `{member.name}` of type {member.type.name} does not fit a table")
