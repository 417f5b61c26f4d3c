"""Types as data: the scalars of a struct with their places, to decode whole tables of guest structs at once.

`struct_of` gives a `struct.Struct` for a few thousand elements, `dtype_of` a numpy dtype for millions.
"""

from __future__ import annotations

from struct import Struct

from unidbg_symbols import types as t
from unidbg_symbols.errors import SymbolError
from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    import numpy as np

_SIGNED = {1: "b", 2: "h", 4: "i", 8: "q"}
_FLOATS = {2: "e", 4: "f", 8: "d"}
_MOST_STEPS = 1 << 17
_DEEPEST = 64


class Leaf(Record):
    """A scalar of a struct: `path` (`table[3].y`), `offset` and `size` in bytes, `code` of `struct`.

    Bit-fields and scalars that `struct` does not know are raw bytes (`4s`).
    """

    __slots__ = ("path", "offset", "size", "code")

    def __init__(self, path: str, offset: int, size: int, code: str) -> None:
        self.path: Final = path
        self.offset: Final = offset
        self.size: Final = size
        self.code: Final = code


def leaves(type_: t.Type, path: str = "", offset: int = 0) -> Iterator[Leaf]:
    """The scalars of a type in the order of their declaration; nameless members are lifted.

    SymbolError for a type with too many of them to be decoded at once.
    """
    return _leaves(type_, path, offset, [_MOST_STEPS], 0)


def _leaves(type_: t.Type, path: str, offset: int, steps: list[int], depth: int) -> Iterator[Leaf]:
    plain = t.strip(type_)
    steps[0] -= 1
    if steps[0] < 0 or depth > _DEEPEST:
        raise SymbolError(f"{type_.name} has too many members to decode at once; decode a part of it")
    if isinstance(plain, t.StructType):
        for member in plain.members:
            inner = f"{path}.{member.name}" if path and member.name else path or member.name
            place = offset + member.offset
            if member.bit_size is not None:
                yield Leaf(inner, place, member.type.size, f"{member.type.size}s")
            else:
                yield from _leaves(member.type, inner, place, steps, depth + 1)
    elif isinstance(plain, t.ArrayType) and not _is_text(plain):
        size = plain.element.size
        for number in range(plain.count or 0):
            yield from _leaves(plain.element, f"{path}[{number}]", offset + number * size, steps, depth + 1)
    elif plain.size:
        yield Leaf(path, offset, plain.size, scalar_code(plain))


def scalar_code(plain: t.Type) -> str:
    """How `struct` spells a scalar; raw bytes for what it does not know."""
    size = plain.size
    if isinstance(plain, t.BoolType) and size == 1:
        return "?"
    if isinstance(plain, t.FloatType) and not plain.complex and size in _FLOATS:
        return _FLOATS[size]
    if isinstance(plain, (t.IntType, t.EnumType)) and size in _SIGNED:
        return _SIGNED[size] if plain.signed else _SIGNED[size].upper()
    if isinstance(plain, (t.PointerType, t.BoolType)) and size in _SIGNED:
        return _SIGNED[size].upper()
    return f"{size}s"


def _is_text(array: t.ArrayType) -> bool:
    return isinstance(t.strip(array.element), t.CharType) and t.strip(array.element).size == 1


def struct_of(type_: t.Type, little_endian: bool = True) -> tuple[Struct, tuple[str, ...]]:
    """(layout of one element, paths of its values). Of members that overlap the one declared first counts."""
    text, at, paths = "<" if little_endian else ">", 0, []
    for leaf in sorted(leaves(type_), key=lambda leaf: leaf.offset):
        if leaf.offset >= at:
            text += f"{leaf.offset - at}x" * (leaf.offset > at) + leaf.code
            at = leaf.offset + leaf.size
            paths.append(leaf.path)
    return Struct(text + f"{type_.size - at}x" * (type_.size > at)), tuple(paths)


def dtype_of(type_: t.Type, little_endian: bool = True) -> np.dtype[Any]:
    """The numpy dtype of a type: structs nest, arrays keep their shape, members of unions overlap.

    Pointers are unsigned integers, character arrays `S`; bit-fields show as the raw bytes of their unit.
    """
    import numpy  # 150 ms: only whoever decodes in bulk pays for it

    found: np.dtype[Any] = numpy.dtype(_dtype_spec(type_, "<" if little_endian else ">", 0))
    return found


def _dtype_spec(type_: t.Type, order: str, depth: int) -> Any:
    plain = t.strip(type_)
    if depth > _DEEPEST:
        raise SymbolError(f"{type_.name} contains itself; the debug information is damaged")
    if isinstance(plain, t.StructType):
        return _struct_spec(plain, order, depth)
    if isinstance(plain, t.ArrayType):
        if _is_text(plain):
            return f"S{plain.count}" if plain.count else "V0"
        element = _dtype_spec(plain.element, order, depth + 1)
        return (element, (plain.count or 0,))
    code = scalar_code(plain)
    return f"V{plain.size}" if code.endswith("s") else order + code if code != "?" else code


def _struct_spec(struct: t.StructType, order: str, depth: int) -> dict[str, object]:
    names: list[str] = []
    formats: list[object] = []
    offsets: list[int] = []
    for name, type_, offset, is_raw in _fields(struct, 0, depth):
        if name in names:
            continue  # a base class has a member of the same name
        names.append(name)
        formats.append(f"V{type_.size}" if is_raw else _dtype_spec(type_, order, depth + 1))
        offsets.append(offset)
    return {"names": names, "formats": formats, "offsets": offsets, "itemsize": struct.size}


def _fields(struct: t.StructType, base: int, depth: int) -> Iterator[tuple[str, t.Type, int, bool]]:
    """(name, type, offset, raw bytes) of members, those of nameless ones and of base classes lifted."""
    for member in struct.members:
        inner = t.strip(member.type)
        offset = base + member.offset
        if isinstance(inner, t.StructType) and (member.is_base or not member.name) and depth < _DEEPEST:
            yield from _fields(inner, offset, depth + 1)
        elif member.name:
            yield member.name, member.type, offset, member.bit_size is not None


class Difference(Record):
    """How a member changed: `what` is `added`, `removed`, `moved`, `resized`, `retyped`, `size` (of all).

    An enumerator whose value is another one is `changed`.
    """

    __slots__ = ("what", "name", "before", "after")

    def __init__(self, what: str, name: str, before: str, after: str) -> None:
        self.what: Final = what
        self.name: Final = name
        self.before: Final = before
        self.after: Final = after


def differences(before: t.Type, after: t.Type) -> list[Difference]:
    """What changed between two versions of a type, in the order of its members, then what was removed.

    Members that are structs themselves are looked into (`list.next`): they are `moved` where they lie
    elsewhere in them.
    """
    found: list[Difference] = []
    if before.size != after.size:
        found.append(Difference("size", "", str(before.size), str(after.size)))
    old, new = t.strip(before), t.strip(after)
    if isinstance(old, t.StructType) and isinstance(new, t.StructType):
        found.extend(_between_structs(old, new, "", 0))
    elif isinstance(old, t.EnumType) and isinstance(new, t.EnumType):
        found.extend(_between_enums(dict(old.enumerators), dict(new.enumerators)))
    elif old.name != new.name:
        found.append(Difference("retyped", "", old.name, new.name))
    return found


def _between_structs(
    before: t.StructType, after: t.StructType, prefix: str, depth: int
) -> Iterator[Difference]:
    old, new = _members_of(before), _members_of(after)
    for name, member in new.items():
        if name in old:
            yield from _changes(prefix + name, old[name], member, depth)
        else:
            yield Difference("added", prefix + name, "", f"{member.type.spell(name)} at {_place(member)}")
    for name, member in old.items():
        if name not in new:
            yield Difference("removed", prefix + name, f"{member.type.spell(name)} at {_place(member)}", "")


def _changes(name: str, before: t.Member, after: t.Member, depth: int) -> Iterator[Difference]:
    if _place(before) != _place(after):
        yield Difference("moved", name, _place(before), _place(after))
    if before.type.size != after.type.size or before.bit_size != after.bit_size:
        yield Difference("resized", name, _extent(before), _extent(after))
    if before.type.name != after.type.name:
        yield Difference("retyped", name, before.type.name, after.type.name)
    old, new = t.strip(before.type), t.strip(after.type)
    if isinstance(old, t.StructType) and isinstance(new, t.StructType) and depth < _DEEPEST:
        yield from _between_structs(old, new, f"{name}.", depth + 1)


def _between_enums(before: dict[str, int], after: dict[str, int]) -> Iterator[Difference]:
    for name, value in after.items():
        if name not in before:
            yield Difference("added", name, "", str(value))
        elif before[name] != value:
            yield Difference("changed", name, str(before[name]), str(value))
    for name, value in before.items():
        if name not in after:
            yield Difference("removed", name, str(value), "")


def _members_of(struct: t.StructType) -> dict[str, t.Member]:
    numbered = enumerate(struct.members)
    return {member.name or f"<{member.type.name} {number}>": member for number, member in numbered}


def _place(member: t.Member) -> str:
    return str(member.offset) if member.bit_offset is None else f"{member.offset}:{member.bit_offset}"


def _extent(member: t.Member) -> str:
    return f"{member.type.size} bytes" if member.bit_size is None else f"{member.bit_size} bits"
