"""What all types have in common: a name, a size, and perhaps another type that they are made of."""

from __future__ import annotations

from unidbg_symbols.errors import SymbolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Later = Callable[[], "Type"]

DEEPEST = 64
"""Types inside types that a walk goes down."""


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


def join(base: str, declarator: str) -> str:
    return f"{base} {declarator}" if declarator else base


def deeper(depth: int) -> int:
    if depth >= DEEPEST:
        raise SymbolError("a type refers to itself; the debug information is damaged: build the image again")
    return depth + 1


class NamedType(Type):
    """A type with a name and a size of its own."""

    __slots__ = ("_name", "_size")

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def spell(self, declarator: str, depth: int = 0) -> str:
        return join(self._name, declarator)


class ReferringType(Type):
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


class AliasType(ReferringType):
    """A type that adds a name or a qualifier to another one: what `strip` takes off."""

    __slots__ = ()

    @property
    def size(self) -> int:
        return strip(self).size


def strip(type: Type) -> Type:
    """The type under typedefs and qualifiers."""
    for _ in range(DEEPEST):
        if not isinstance(type, AliasType):
            return type
        type = type.target
    raise SymbolError("a typedef names itself; the debug information is damaged: build the image again")
