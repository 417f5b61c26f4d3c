"""Evaluates DWARF expressions (DWARF 5, sections 2.5 and 2.6): where a value is, or what it is.

A generator: memory, registers and the frame are asked for (`unidbg_symbols.requests`). Bounded in steps and
in depth of the stack, whatever the bytes say. Values are unsigned integers of the width of an address.
"""

from __future__ import annotations

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf.leb import sleb, uleb
from unidbg_symbols.errors import SymbolError
from unidbg_symbols.record import Record
from unidbg_symbols.requests import MemoryRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Final, Literal

    from unidbg_symbols.dwarf.unit import Unit
    from unidbg_symbols.requests import Answer, Request

    Asking = Generator[Request, Answer, None]

_MOST_STEPS = 20_000
_DEEPEST_STACK = 1024
_DEEPEST_CALLS = 16


class UnknownValue(SymbolError):
    """The value cannot be known here: it was optimised away, or what it needs is not to be had."""


class Piece(Record):
    """A part of a value.

    `kind` is `memory` (`value` is a run address), `register` (`value` is a DWARF number), `value` (`value` is
    it), `bytes` (`data` is it) or `missing` (optimised away). `bit_size` is None where it is the whole
    value.
    """

    __slots__ = ("kind", "value", "data", "bit_size", "bit_offset")

    def __init__(
        self, kind: str, value: int = 0, data: bytes = b"", bit_size: int | None = None, bit_offset: int = 0
    ) -> None:
        self.kind: Final = kind
        self.value: Final = value
        self.data: Final = data
        self.bit_size: Final = bit_size
        self.bit_offset: Final = bit_offset


def evaluate(
    expression: bytes, *, address_size: int, byteorder: str = "little", unit: Unit | None = None,
    bias: int = 0, initial: tuple[int, ...] = (),
) -> Generator[Request, Answer, tuple[Piece, ...]]:  # fmt: skip
    """The pieces of a location expression. Link addresses in it get `bias` added.

    `unit` is needed for what refers to it (indexed addresses, calls, types); the stack starts with `initial`.
    """
    machine = Machine(address_size, "little" if byteorder == "little" else "big", unit, bias)
    machine.stack.extend(value & machine.mask for value in initial)
    with parsing("a DWARF expression"):
        yield from machine.run(expression, 0)
        return machine.result()


class Machine:
    """The stack machine. One `run` per expression; calls nest."""

    __slots__ = (
        "address_size", "bias", "bits", "byteorder", "mask", "pieces", "place", "stack", "steps", "unit",
    )  # fmt: skip

    def __init__(
        self, address_size: int, byteorder: Literal["little", "big"], unit: Unit | None, bias: int
    ) -> None:
        self.address_size: Final = address_size
        self.bits: Final = address_size * 8
        self.mask: Final = (1 << address_size * 8) - 1
        self.byteorder: Final = byteorder
        self.unit: Final = unit
        self.bias: Final = bias
        self.stack: list[int] = []
        self.pieces: list[Piece] = []
        self.place: Piece | None = None  # a location that is not the address on top of the stack
        self.steps = 0

    def run(self, code: bytes, depth: int) -> Asking:
        """Execute an expression."""
        from unidbg_symbols.dwarf.operations import OPERATIONS

        cursor = Cursor(code, self.byteorder, depth)
        while cursor.at < len(code):
            self.steps += 1
            if self.steps > _MOST_STEPS or depth > _DEEPEST_CALLS:
                raise UnknownValue("a DWARF expression does not end; the debug information is damaged")
            op = code[cursor.at]
            cursor.at += 1
            asking = OPERATIONS[op](self, cursor, op)
            if asking is not None:
                yield from asking

    def push(self, value: int) -> None:
        """Put a value on the stack."""
        if len(self.stack) >= _DEEPEST_STACK:
            raise UnknownValue("a DWARF expression needs too deep a stack; the debug information is damaged")
        self.stack.append(value & self.mask)

    def signed(self, value: int) -> int:
        """A stack value as a signed number."""
        return value - (1 << self.bits) if value >> (self.bits - 1) else value

    def end_piece(self, bit_size: int, bit_offset: int = 0) -> None:
        """DW_OP_piece: what was computed so far is a part of the value."""
        place = self.place
        if place is None:
            place = Piece("memory", self.stack.pop()) if self.stack else Piece("missing")
        self.pieces.append(Piece(place.kind, place.value, place.data, bit_size, bit_offset))
        self.place = None

    def result(self) -> tuple[Piece, ...]:
        """The pieces of a finished expression."""
        if self.pieces:
            return tuple(self.pieces)
        if self.place is not None:
            return (self.place,)
        return (Piece("memory", self.stack[-1]),) if self.stack else (Piece("missing"),)

    def ask(self, request: Request, what: str) -> Generator[Request, Answer, int]:
        """A number from outside; UnknownValue when there is none."""
        answer = yield request
        if not isinstance(answer, int):
            raise UnknownValue(f"{what} is not known in this frame")
        return answer

    def read(self, address: int, size: int) -> Generator[Request, Answer, int]:
        """An unsigned number from memory."""
        if size > self.address_size:
            raise UnknownValue(f"a read of {size} bytes in a DWARF expression")
        answer = yield MemoryRequest(address, size)
        if not isinstance(answer, bytes) or len(answer) != size:
            raise UnknownValue(f"memory at {address:#x} cannot be read")
        return int.from_bytes(answer, self.byteorder)


class Cursor:
    """The code of an expression and the place in it."""

    __slots__ = ("at", "byteorder", "code", "depth")

    def __init__(self, code: bytes, byteorder: Literal["little", "big"], depth: int) -> None:
        self.code: Final = code
        self.byteorder: Final = byteorder
        self.depth: Final = depth
        self.at = 0

    def fixed(self, size: int, signed: bool = False) -> int:
        """A number of `size` bytes."""
        data = self.block(size)
        return int.from_bytes(data, self.byteorder, signed=signed)

    def uleb(self) -> int:
        """An unsigned LEB128 number."""
        value, self.at = uleb(self.code, self.at)
        return value

    def sleb(self) -> int:
        """A signed LEB128 number."""
        value, self.at = sleb(self.code, self.at)
        return value

    def block(self, size: int) -> bytes:
        """`size` bytes."""
        if self.at + size > len(self.code):
            raise LookupError("past the end")
        self.at += size
        return self.code[self.at - size : self.at]

    def jump(self, distance: int) -> None:
        """Go on somewhere else in the expression."""
        target = self.at + distance
        if not 0 <= target <= len(self.code):
            raise LookupError("a jump out of the expression")
        self.at = target
