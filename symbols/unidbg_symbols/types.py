"""C, C++ and Rust types as objects. What a type refers to is resolved when it is looked at: recursion ends.

Every type has `name` (as the language spells it: `struct foo *`, `char [16]`) and `size` (bytes). Damaged
debug information may make a type refer to itself: walks are bounded and end in SymbolError.
"""

from __future__ import annotations

from unidbg_symbols.errors import SymbolError
from unidbg_symbols.structs import Member, StructBody, StructType, Variant, VariantPart
from unidbg_symbols.type_base import DEEPEST, AliasType, NamedType, ReferringType, Type, deeper, join, strip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Final

    from unidbg_symbols.type_base import Later

__all__ = [
    "ArrayType",
    "BoolType",
    "CharType",
    "EnumType",
    "FloatType",
    "FunctionType",
    "IntType",
    "Member",
    "OpaqueType",
    "PointerType",
    "QualifiedType",
    "StructBody",
    "StructType",
    "Type",
    "TypedefType",
    "Variant",
    "VariantPart",
    "VoidType",
    "strip",
]


class VoidType(NamedType):
    """void; also C++'s decltype(nullptr) and other types without a representation."""

    __slots__ = ()

    def __init__(self, name: str = "void", size: int = 0) -> None:
        super().__init__(name, size)


class IntType(NamedType):
    """An integer. `encoding` is the DW_ATE number."""

    __slots__ = ("encoding", "signed")

    def __init__(self, name: str, size: int, signed: bool, encoding: int) -> None:
        super().__init__(name, size)
        self.signed: Final = signed
        self.encoding: Final = encoding


class CharType(IntType):
    """A character: an integer that is shown as text."""

    __slots__ = ()


class BoolType(NamedType):
    """A truth value."""

    __slots__ = ()


class FloatType(NamedType):
    """A floating-point number; `complex` for a pair of them, each of half the size."""

    __slots__ = ("complex",)

    def __init__(self, name: str, size: int, complex: bool = False) -> None:
        super().__init__(name, size)
        self.complex: Final = complex


class OpaqueType(NamedType):
    """A type of known size whose inside we do not describe (a C++ pointer to member, a Pascal set ...)."""

    __slots__ = ()


class PointerType(ReferringType):
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
            return join(self.label, declarator)
        target = self.target
        inner = self.sigil + declarator
        if isinstance(target, (ArrayType, FunctionType)):
            inner = f"({inner})"
        return target.spell(inner, deeper(depth))


class QualifiedType(AliasType):
    """A type with a `qualifier`: `const`, `volatile`, `restrict` or `_Atomic`."""

    __slots__ = ("qualifier",)

    def __init__(self, qualifier: str, target: Type | Later) -> None:
        super().__init__(target)
        self.qualifier: Final = qualifier

    def spell(self, declarator: str, depth: int = 0) -> str:
        target = self.target
        if isinstance(target, PointerType):
            return target.spell(join(self.qualifier, declarator), deeper(depth))
        if isinstance(target, ArrayType):
            # What C qualifies is the elements; some compilers qualify both.
            element = target.element
            if not (isinstance(element, QualifiedType) and element.qualifier == self.qualifier):
                element = QualifiedType(self.qualifier, element)
            return ArrayType(element, target.count).spell(declarator, deeper(depth))
        return f"{self.qualifier} {target.spell(declarator, deeper(depth))}"


class TypedefType(AliasType):
    """Another name for a type."""

    __slots__ = ("_name",)

    def __init__(self, name: str, target: Type | Later) -> None:
        super().__init__(target)
        self._name = name

    def spell(self, declarator: str, depth: int = 0) -> str:
        return join(self._name, declarator)


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
        for _ in range(DEEPEST):
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
        return self.element.spell(f"{declarator}[{count}]", deeper(depth))


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
        return join(self._name, declarator)


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
        inside = deeper(depth)
        shown = [parameter.spell("", inside) for parameter in self.parameters]
        if self.variadic:
            shown.append("...")
        return self.returns.spell(f"{declarator}({', '.join(shown) or 'void'})", inside)
