"""Parameters and local variables at a code address, of the function and of each call inlined there."""

from __future__ import annotations

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.code_map import code_map
from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.expression import Piece, UnknownValue, evaluate
from unidbg_symbols.dwarf.location_lists import find_location
from unidbg_symbols.dwarf.names import bare_name
from unidbg_symbols.dwarf.ranges import die_ranges
from unidbg_symbols.requests import FrameBaseRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Final

    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.die import Die
    from unidbg_symbols.dwarf.type_builder import TypeBuilder
    from unidbg_symbols.requests import Answer, Request
    from unidbg_symbols.types import Type

_BLOCKS = frozenset({c.DW_TAG_lexical_block, c.DW_TAG_try_block, c.DW_TAG_catch_block})
_DEEPEST = 64


class LocalVariable:
    """A parameter or local variable as it is at the address `pc`; `name` may be empty (C allows it)."""

    __slots__ = ("_builder", "_die", "_function", "name", "parameter", "pc")

    def __init__(self, die: Die, function: Die, pc: int, builder: TypeBuilder) -> None:
        self._die = die
        self._function = function  # the one with a frame: its frame base counts, also for what was inlined
        self._builder = builder
        self.name: Final = bare_name(die)
        self.parameter: Final = die.tag == c.DW_TAG_formal_parameter
        self.pc: Final = pc

    def __repr__(self) -> str:
        return f"<LocalVariable {self.type.spell(self.name)}>"

    @property
    def type(self) -> Type:
        """The type of the variable."""
        return self._builder.type_of(self._die)

    @property
    def constant(self) -> int | bytes | None:
        """The value, where the compiler knew it and keeps it nowhere else."""
        for die in self._die.origins():
            if c.DW_AT_const_value in die:
                return die.attributes[c.DW_AT_const_value][1]
        return None

    def expression(self) -> bytes | None:
        """The DWARF expression that says where it is at `pc`; None: it is nowhere."""
        return _expression(self._die, c.DW_AT_location, self.pc)

    def locate(self, bias: int = 0) -> Generator[Request, Answer, tuple[Piece, ...]]:
        """Where it is: a generator that asks for registers, memory and the CFA of the frame.

        Link addresses get `bias` added. UnknownValue where it was optimised away or cannot be found.
        """
        code = self.expression()
        if code is None:
            constant = self.constant
            if isinstance(constant, int):
                return (Piece("value", constant & (1 << 64) - 1),)
            if constant is not None:
                return (Piece("bytes", data=constant),)
            raise UnknownValue(f"{self.name or 'the value'} was optimised away here")
        return (yield from evaluate_in(code, self._die, self._function, self.pc, bias))


def evaluate_in(
    code: bytes, die: Die, function: Die, pc: int, bias: int
) -> Generator[Request, Answer, tuple[Piece, ...]]:
    """Evaluate an expression of `die` at `pc` in a frame of `function`, whose frame base it may refer to."""
    unit = die.unit
    size, order = unit.address_size, unit.dwarf.byteorder
    asking = evaluate(code, address_size=size, byteorder=order, unit=unit, bias=bias)
    answer: Answer = None
    while True:
        try:
            request = asking.send(answer)
        except StopIteration as end:
            pieces: tuple[Piece, ...] = end.value
            return pieces
        if isinstance(request, FrameBaseRequest):
            if die is function:
                raise UnknownValue("the frame base refers to itself; the debug information is damaged")
            answer = yield from _frame_base(function, pc, bias)
        else:
            answer = yield request


def _frame_base(function: Die, pc: int, bias: int) -> Generator[Request, Answer, int]:
    code = _expression(function, c.DW_AT_frame_base, pc)
    if code is None:
        raise UnknownValue("the function has no frame base")
    if 0x50 <= (code[0] if code else 0) <= 0x6F and len(code) == 1:
        code = bytes((code[0] + 0x20, 0))  # a register as frame base means what it holds
    (piece, *_) = yield from evaluate_in(code, function, function, pc, bias)
    return piece.value


def _expression(die: Die, attribute: int, pc: int) -> bytes | None:
    """An attribute of class exprloc or loclist, as it holds at `pc`."""
    block = die.block(attribute)
    if block is not None or attribute not in die:
        return block
    with parsing(f"the locations of {die.name or hex(die.offset)}", die.unit.dwarf.path):
        return find_location(die.unit, die.form(attribute), die.uint(attribute), pc)


def locals_at(dwarf: Dwarf, builder: TypeBuilder, pc: int) -> list[tuple[LocalVariable, ...]]:
    """The variables of each frame at `pc`, in the order of `frames_at`: innermost first."""
    unit = dwarf.address_map.unit_at(pc)
    if unit is None:
        return []
    codes = code_map(dwarf.whole(unit))
    unit = codes.unit
    node = codes.innermost(pc)
    if node < 0:
        return []
    function = read_die(unit, codes.offsets[codes.function(node)])
    found: list[tuple[LocalVariable, ...]] = []
    while True:
        die = read_die(unit, codes.offsets[node])
        found.append(tuple(LocalVariable(each, function, pc, builder) for each in _variables(die, pc, 0)))
        if not codes.inlined[node] or codes.parents[node] < 0:
            return found
        node = codes.parents[node]


def _variables(die: Die, pc: int, depth: int) -> Iterator[Die]:
    """Parameters and variables of a function, those of its blocks around `pc` after them."""
    blocks: list[Die] = []
    for child in die.children():
        if child.tag in (c.DW_TAG_formal_parameter, c.DW_TAG_variable):
            if c.DW_AT_declaration not in child:  # `extern` in a function: it lives elsewhere
                yield child
        elif child.tag in _BLOCKS:
            blocks.append(child)
    for block in blocks if depth < _DEEPEST else ():
        ranges = die_ranges(block)
        if not ranges or any(start <= pc < end for start, end in ranges):
            yield from _variables(block, pc, depth + 1)
