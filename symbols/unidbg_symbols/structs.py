"""Structs, unions, classes and their members; Rust's enums with data are structs with variant parts."""

from __future__ import annotations

from unidbg_symbols.errors import SymbolError
from unidbg_symbols.record import Record
from unidbg_symbols.type_base import DEEPEST, Type, join, strip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Final

    from unidbg_symbols.type_base import Later


class Member(Record):
    """A member of a struct, union or class.

    `offset` is bytes from the start of the struct. For a bit-field, `bit_size` is its width and `bit_offset`
    how far to shift right the unit of `type.size` bytes at `offset`; both are None otherwise. `name` is
    empty for an anonymous struct or union and for a base class (`is_base`).
    """

    __slots__ = ("_type", "name", "offset", "bit_offset", "bit_size", "is_base")

    def __init__(
        self,
        name: str,
        type: Type | Later,
        offset: int,
        bit_offset: int | None = None,
        bit_size: int | None = None,
        is_base: bool = False,
    ) -> None:
        self._type = type
        self.name: Final = name
        self.offset: Final = offset
        self.bit_offset: Final = bit_offset
        self.bit_size: Final = bit_size
        self.is_base: Final = is_base

    @property
    def type(self) -> Type:
        """The type of the member."""
        found = self._type
        if not isinstance(found, Type):
            found = self._type = found()
        return found

    def __repr__(self) -> str:
        bits = "" if self.bit_size is None else f" : {self.bit_size} (bit {self.bit_offset})"
        return f"<Member {self.type.spell(self.name)}{bits} at {self.offset}>"


class StructBody(Record):
    """What a complete struct has inside. `variants` tells Rust's enums apart."""

    __slots__ = ("size", "members", "variants")

    def __init__(self, size: int, members: tuple[Member, ...], variants: VariantPart | None = None) -> None:
        self.size: Final = size
        self.members: Final = members
        self.variants: Final = variants


class VariantPart(Record):
    """Which members are there depends on the value of `discriminant` (None: there is one variant only)."""

    __slots__ = ("discriminant", "variants")

    def __init__(self, discriminant: Member | None, variants: tuple[Variant, ...]) -> None:
        self.discriminant: Final = discriminant
        self.variants: Final = variants

    def choose(self, value: int | None) -> Variant | None:
        """The variant of a discriminant's value."""
        default = None
        for variant in self.variants:
            if not variant.values:
                default = variant
            elif value is not None and any(low <= value <= high for low, high in variant.values):
                return variant
        return default


class Variant(Record):
    """One variant: `values` are the (lowest, highest) discriminants that choose it; none: all others do."""

    __slots__ = ("values", "members")

    def __init__(self, values: tuple[tuple[int, int], ...], members: tuple[Member, ...]) -> None:
        self.values: Final = values
        self.members: Final = members


class StructType(Type):
    """A struct, union or class: `kind` is `struct`, `union` or `class`, `tag` its bare name ("": anonymous).

    `file` and `line` say where it is defined ("" and 0 where unknown).
    """

    __slots__ = ("_body", "_index", "_name", "_place", "kind", "tag")

    def __init__(
        self,
        kind: str,
        tag: str,
        name: str,
        body: StructBody | Callable[[], StructBody | None],
        place: tuple[str, int] | Callable[[], tuple[str, int]] = ("", 0),
    ) -> None:
        self.kind: Final = kind
        self.tag: Final = tag
        self._name = name
        self._body: StructBody | Callable[[], StructBody | None] | None = body
        self._place = place
        self._index: dict[str, Member] | None = None

    def _loaded(self) -> StructBody | None:
        body = self._body
        if body is not None and not isinstance(body, StructBody):
            body = self._body = body()
        return body

    @property
    def complete(self) -> bool:
        """False where the image nowhere says what is inside (`struct foo;`)."""
        return self._loaded() is not None

    @property
    def size(self) -> int:
        body = self._loaded()
        return body.size if body else 0

    @property
    def members(self) -> Sequence[Member]:
        """The members in the order of their declaration; none of an incomplete type."""
        body = self._loaded()
        return body.members if body else ()

    @property
    def variants(self) -> VariantPart | None:
        """The variant part of a Rust enum."""
        body = self._loaded()
        return body.variants if body else None

    @property
    def file(self) -> str:
        """Where it is defined, "" where unknown."""
        return self._located()[0]

    @property
    def line(self) -> int:
        """The line of its definition, 0 where unknown."""
        return self._located()[1]

    def _located(self) -> tuple[str, int]:
        place = self._place
        if not isinstance(place, tuple):
            place = self._place = place()
        return place

    def member(self, name: str) -> Member:
        """The member of that name, looked for in anonymous members and base classes too.

        Its `offset` is from the start of this struct. SymbolError where there is none.
        """
        if self._index is None:
            self._index = _index_members(self)
        found = self._index.get(name)
        if found is None:
            from unidbg_symbols.nearest import did_you_mean, nearest

            close = nearest(name, self._index)
            raise SymbolError(f"{self.name} has no member {name!r}{did_you_mean(close)}")
        return found

    def __contains__(self, name: object) -> bool:
        if self._index is None:
            self._index = _index_members(self)
        return name in self._index

    def spell(self, declarator: str, depth: int = 0) -> str:
        return join(self._name, declarator)


def _index_members(struct: StructType) -> dict[str, Member]:
    """Members by name, those of nameless structs and of base classes lifted; what is nearer wins."""
    index: dict[str, Member] = {}
    level: list[tuple[StructType, int]] = [(struct, 0)]
    for _ in range(DEEPEST):
        following: list[tuple[StructType, int]] = []
        for owner, base in level:
            for member in owner.members:
                inner = strip(member.type) if not member.name or member.is_base else None
                if isinstance(inner, StructType):
                    following.append((inner, base + member.offset))
                else:
                    index.setdefault(member.name, _moved(member, base))
        if not following or len(index) > 1 << 20:
            break
        level = following
    return index


def _moved(member: Member, base: int) -> Member:
    if not base:
        return member
    return Member(member.name, member.type, base + member.offset, member.bit_offset, member.bit_size)
