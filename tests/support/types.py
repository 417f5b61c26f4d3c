"""C types by hand, for tests that need no compiler."""

from __future__ import annotations

from unidbg_symbols import types as t

U8 = t.IntType("unsigned char", 1, False, 7)
CHAR = t.CharType("char", 1, True, 6)
U16 = t.IntType("unsigned short", 2, False, 7)
U32 = t.IntType("unsigned int", 4, False, 7)
S32 = t.IntType("int", 4, True, 5)
U64 = t.IntType("unsigned long", 8, False, 7)
BOOL = t.BoolType("_Bool", 1)
DOUBLE = t.FloatType("double", 8)
VOID = t.VoidType()
VOID_POINTER = t.PointerType(VOID, 8)


def struct(name: str, *members: tuple[str, t.Type], size: int | None = None) -> t.StructType:
    """A struct whose members lie as the x86_64 ABI lays out scalars of their size."""
    at, placed = 0, []
    for member, type_ in members:
        align = _align(type_)
        at = (at + align - 1) & -align
        placed.append(t.Member(member, type_, at))
        at += type_.size
    largest = max((_align(type_) for _, type_ in members), default=1)
    return t.StructType(
        "struct", name, f"struct {name}", t.StructBody(size or (at + largest - 1) & -largest, tuple(placed))
    )


def _align(type_: t.Type) -> int:
    plain = t.strip(type_)
    if isinstance(plain, t.ArrayType):
        return _align(plain.element)
    if isinstance(plain, t.StructType):
        return max((_align(member.type) for member in plain.members), default=1)
    return max(plain.size, 1)


def pointer(target: t.Type) -> t.PointerType:
    """A 64-bit pointer."""
    return t.PointerType(target, 8)


def array(element: t.Type, count: int | None) -> t.ArrayType:
    """An array."""
    return t.ArrayType(element, count)
