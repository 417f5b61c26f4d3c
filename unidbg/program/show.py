"""Values as trees of text: what `print` and `watch` show. Bounded in breadth, depth and length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from unidbg_symbols import types as t

from unidbg.errors import MemoryFault, SymbolError
from unidbg.program.program import Program
from unidbg.program.value import Value
from unidbg.views.base import Address, Fault, Location
from unidbg.views.inspect import ValueNode

MAX_TEXT = 200


class Limits(NamedTuple):
    """How much of a value is shown: elements of an array, levels, and nodes in all."""

    elements: int = 200
    depth: int = 12
    nodes: int = 5000


ALL = Limits()


class Shower:
    """Makes the tree of one value; `faults` has what could not be read."""

    def __init__(self, program: Program, limits: Limits = ALL) -> None:
        self._program = program
        self._limits = limits
        self._nodes = 0
        self.faults: list[Fault] = []

    def node(self, name: str, value: Value, where: str = "", depth: int = 0) -> ValueNode:
        """The tree of `value`, whose JSON path is `where`."""
        self._nodes += 1
        try:
            text, children = self._content(value, where, depth)
        except MemoryFault as fault:
            self.faults.append(Fault(where, f"unreadable: {fault.reason}", Address(fault.address)))
            text, children = "<unreadable>", ()
        except SymbolError as error:
            text, children = f"<{error}>", ()
        address = None if value.address_ is None else Address(value.address_)
        return ValueNode(name, value.type_.name, address, text, children)

    def _content(self, value: Value, where: str, depth: int) -> tuple[str, tuple[ValueNode, ...]]:
        plain = t.strip(value.type_)
        if not isinstance(plain, t.StructType | t.ArrayType):
            return self._leaf(value, plain), ()
        if depth >= self._limits.depth or self._nodes >= self._limits.nodes:
            return "...", ()
        if isinstance(plain, t.StructType):
            return ("" if plain.complete else "<incomplete type>"), tuple(self._members(value, where, depth))
        if _is_text(plain) and plain.count:
            return _quoted(_prefix(value)), ()
        return "", tuple(self._elements(value, plain, where, depth))

    def _members(self, value: Value, where: str, depth: int) -> Iterator[ValueNode]:
        for index, (name, member) in enumerate(value.members_()):
            yield self.node(name, member, f"{where}.children[{index}]", depth + 1)

    def _elements(self, value: Value, plain: t.ArrayType, where: str, depth: int) -> Iterator[ValueNode]:
        count = plain.count or 0
        for index in range(min(count, self._limits.elements)):
            if self._nodes >= self._limits.nodes:
                yield ValueNode("...", "", None, f"{count - index} more elements")
                return
            yield self.node(f"[{index}]", value.index_(index), f"{where}.children[{index}]", depth + 1)
        if count > self._limits.elements:
            yield ValueNode("...", "", None, f"{count - self._limits.elements} more elements")

    def _leaf(self, value: Value, plain: t.Type) -> str:
        if isinstance(plain, t.PointerType):
            return self._pointer(value, plain)
        if isinstance(plain, t.EnumType):
            number = value.int_()
            return plain.name_of(number) or f"{number}"
        if isinstance(plain, t.BoolType):
            return {0: "false", 1: "true"}.get(value.int_(), f"{value.int_()}")
        if isinstance(plain, t.CharType):
            return _character(value.int_())
        if isinstance(plain, t.IntType):
            return f"{value.int_()}"
        if isinstance(plain, t.FloatType) and not plain.complex:
            return f"{value.float_():.17g}"
        if isinstance(plain, t.FunctionType):
            return place(self._program.locate(value.address_ or 0))
        return value.bytes_()[:32].hex() or "<nothing>"

    def _pointer(self, value: Value, plain: t.PointerType) -> str:
        address = value.int_()
        text = place(self._program.locate(address))
        target = t.strip(plain.target)
        if address and isinstance(target, t.CharType) and target.size == 1:
            data = _text_at(value, address)
            text += f" {_quoted(data)}" if data is not None else " <unreadable>"
        return text


def place(location: Location) -> str:
    """`0x1000 <symbol+4>`."""
    if location.symbol is None:
        return f"{location.address:#x}"
    offset = f"+{location.offset}" if location.offset else ""
    return f"{location.address:#x} <{location.symbol}{offset}>"


def _is_text(plain: t.ArrayType) -> bool:
    element = t.strip(plain.element)
    return isinstance(element, t.CharType) and element.size == 1


def _prefix(value: Value) -> bytes:
    """The bytes of a `char[]` up to its NUL, or what of them is shown."""
    if value.address_ is None:
        return value.bytes_()[: MAX_TEXT + 1].split(b"\0", 1)[0]
    size = min(value.size_, MAX_TEXT + 1)
    return value.memory_.read(value.address_, size).split(b"\0", 1)[0]


def _text_at(value: Value, address: int) -> bytes | None:
    """The text behind a `char *`, `None` where not even its first byte can be read."""
    size = min(MAX_TEXT + 1, 4096 - address % 4096)
    (data,) = value.memory_.read_many([(address, size)])
    return None if data is None else data.split(b"\0", 1)[0]


def _quoted(data: bytes) -> str:
    """Control bytes, backslashes and what is not UTF-8 stay as they are: renderers escape."""
    cut = "..." if len(data) > MAX_TEXT else ""
    return f'"{data[:MAX_TEXT].decode("utf-8", "surrogateescape")}"{cut}'


def _character(number: int) -> str:
    return f"{number} '{bytes((number & 0xFF,)).decode('ascii', 'surrogateescape')}'"
