"""C, C++ and Rust types as objects. What a type refers to is resolved when it is looked at: recursion ends.

Every type has `name` (as the language spells it: `struct foo *`, `char [16]`) and `size` (bytes). Damaged
debug information may make a type refer to itself: walks are bounded and end in SymbolError.
"""

from __future__ import annotations

from unidbg_symbols.errors import SymbolError
from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Final

    Later = Callable[[], "Type"]

_DEEPEST = 64


class Type:
    """The base of all types."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The type as C spells it."""
        return self.spell("")

    @property
    def size(self) -> int:
        """Bytes; 0 for what has none (void, functions, flexible arrays, incomplete types)."""
        raise NotImplementedError

    def spell(self, declarator: str, depth: int = 0) -> str:
        """A C declaration of `declarator` (a name, or empty) with this type."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def _join(base: str, declarator: str) -> str:
    return f"{base} {declarator}" if declarator else base


def _deeper(depth: int) -> int:
    if depth >= _DEEPEST:
        raise SymbolError("a type refers to itself; the debug information is damaged: build the image again")
    return depth + 1


class _NamedType(Type):
    """A type with a name and a size of its own."""

    __slots__ = ("_name", "_size")

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def spell(self, declarator: str, depth: int = 0) -> str:
        return _join(self._name, declarator)


class VoidType(_NamedType):
    """void; also C++'s decltype(nullptr) and other types without a representation."""

    __slots__ = ()

    def __init__(self, name: str = "void", size: int = 0) -> None:
        super().__init__(name, size)


class IntType(_NamedType):
    """An integer. `encoding` is the DW_ATE number."""

    __slots__ = ("encoding", "signed")

    def __init__(self, name: str, size: int, signed: bool, encoding: int) -> None:
        super().__init__(name, size)
        self.signed: Final = signed
        self.encoding: Final = encoding


class CharType(IntType):
    """A character: an integer that is shown as text."""

    __slots__ = ()


class BoolType(_NamedType):
    """A truth value."""

    __slots__ = ()


class FloatType(_NamedType):
    """A floating-point number; `complex` for a pair of them, each of half the size."""

    __slots__ = ("complex",)

    def __init__(self, name: str, size: int, complex: bool = False) -> None:
        super().__init__(name, size)
        self.complex: Final = complex


class OpaqueType(_NamedType):
    """A type of known size whose inside we do not describe (a C++ pointer to member, a Pascal set ...)."""

    __slots__ = ()


class _ReferringType(Type):
    """A type made of another one, its `target`."""

    __slots__ = ("_target",)

    def __init__(self, target: Type | Later) -> None:
        self._target = target

    @property
    def target(self) -> Type:
        """The type that this one is made of."""
        found = self._target
        if not isinstance(found, Type):
            found = self._target = found()
        return found


class PointerType(_ReferringType):
    """A pointer, or a C++ reference: `sigil` is `*`, `&` or `&&`. `label` is its name in Rust, else ""."""

    __slots__ = ("_size", "label", "sigil")

    def __init__(self, target: Type | Later, size: int, sigil: str = "*", label: str = "") -> None:
        super().__init__(target)
        self._size = size
        self.sigil: Final = sigil
        self.label: Final = label

    @property
    def size(self) -> int:
        return self._size

    def spell(self, declarator: str, depth: int = 0) -> str:
        if self.label:
            return _join(self.label, declarator)
        target = self.target
        inner = self.sigil + declarator
        if isinstance(target, (ArrayType, FunctionType)):
            inner = f"({inner})"
        return target.spell(inner, _deeper(depth))


class QualifiedType(_ReferringType):
    """A type with a `qualifier`: `const`, `volatile`, `restrict` or `_Atomic`."""

    __slots__ = ("qualifier",)

    def __init__(self, qualifier: str, target: Type | Later) -> None:
        super().__init__(target)
        self.qualifier: Final = qualifier

    @property
    def size(self) -> int:
        return strip(self).size

    def spell(self, declarator: str, depth: int = 0) -> str:
        target = self.target
        if isinstance(target, PointerType):
            return target.spell(_join(self.qualifier, declarator), _deeper(depth))
        if isinstance(target, ArrayType):
            # What C qualifies is the elements; some compilers qualify both.
            element = target.element
            if not (isinstance(element, QualifiedType) and element.qualifier == self.qualifier):
                element = QualifiedType(self.qualifier, element)
            return ArrayType(element, target.count).spell(declarator, _deeper(depth))
        return f"{self.qualifier} {target.spell(declarator, _deeper(depth))}"


class TypedefType(_ReferringType):
    """Another name for a type."""

    __slots__ = ("_name",)

    def __init__(self, name: str, target: Type | Later) -> None:
        super().__init__(target)
        self._name = name

    @property
    def size(self) -> int:
        return strip(self).size

    def spell(self, declarator: str, depth: int = 0) -> str:
        return _join(self._name, declarator)


class ArrayType(Type):
    """`count` elements in a row; `count` is None where the compiler does not know it (a flexible array)."""

    __slots__ = ("_element", "_size", "count")

    def __init__(self, element: Type | Later, count: int | None, size: int | None = None) -> None:
        self._element = element
        self._size = size
        self.count: Final = count

    @property
    def element(self) -> Type:
        """The type of an element; an array again where there are several dimensions."""
        found = self._element
        if not isinstance(found, Type):
            found = self._element = found()
        return found

    @property
    def size(self) -> int:
        if self._size is None:
            self._size = self._measure()
        return self._size

    def _measure(self) -> int:
        total, current = 1, self._as_type()
        for _ in range(_DEEPEST):
            if not isinstance(current, ArrayType):
                return total * current.size
            if current.count is None:
                return 0
            total *= current.count
            current = strip(current.element)
        raise SymbolError("an array contains itself; the debug information is damaged: build the image again")

    def _as_type(self) -> Type:
        return self

    def spell(self, declarator: str, depth: int = 0) -> str:
        count = "" if self.count is None else self.count
        return self.element.spell(f"{declarator}[{count}]", _deeper(depth))


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
        return _join(self._name, declarator)


def _index_members(struct: StructType) -> dict[str, Member]:
    """Members by name, those of nameless structs and of base classes lifted; what is nearer wins."""
    index: dict[str, Member] = {}
    level: list[tuple[StructType, int]] = [(struct, 0)]
    for _ in range(_DEEPEST):
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


class EnumType(Type):
    """An enumeration: `enumerators` are (name, value) in the order of their declaration."""

    __slots__ = ("_enumerators", "_name", "_size", "signed", "tag")

    def __init__(
        self,
        tag: str,
        name: str,
        size: int,
        signed: bool,
        enumerators: tuple[tuple[str, int], ...] | Callable[[], tuple[tuple[str, int], ...]],
    ) -> None:
        self.tag: Final = tag
        self._name = name
        self._size = size
        self.signed: Final = signed
        self._enumerators = enumerators

    @property
    def size(self) -> int:
        return self._size

    @property
    def enumerators(self) -> Sequence[tuple[str, int]]:
        """(name, value) pairs."""
        found = self._enumerators
        if not isinstance(found, tuple):
            found = self._enumerators = found()
        return found

    def name_of(self, value: int) -> str | None:
        """The first enumerator of that value."""
        return next((name for name, number in self.enumerators if number == value), None)

    def spell(self, declarator: str, depth: int = 0) -> str:
        return _join(self._name, declarator)


class FunctionType(Type):
    """A function: what it returns, its parameters' types, and whether more may follow."""

    __slots__ = ("_parameters", "_returns", "variadic")

    def __init__(
        self,
        returns: Type | Later,
        parameters: tuple[Type, ...] | Callable[[], tuple[Type, ...]],
        variadic: bool,
    ) -> None:
        self._returns = returns
        self._parameters = parameters
        self.variadic: Final = variadic

    @property
    def returns(self) -> Type:
        """The type of the result."""
        found = self._returns
        if not isinstance(found, Type):
            found = self._returns = found()
        return found

    @property
    def parameters(self) -> Sequence[Type]:
        """The types of the parameters."""
        found = self._parameters
        if not isinstance(found, tuple):
            found = self._parameters = found()
        return found

    @property
    def size(self) -> int:
        return 0

    def spell(self, declarator: str, depth: int = 0) -> str:
        deeper = _deeper(depth)
        shown = [parameter.spell("", deeper) for parameter in self.parameters]
        if self.variadic:
            shown.append("...")
        return self.returns.spell(f"{declarator}({', '.join(shown) or 'void'})", deeper)


def strip(type: Type) -> Type:
    """The type under typedefs and qualifiers."""
    for _ in range(_DEEPEST):
        if not isinstance(type, (TypedefType, QualifiedType)):
            return type
        type = type.target
    raise SymbolError("a typedef names itself; the debug information is damaged: build the image again")
