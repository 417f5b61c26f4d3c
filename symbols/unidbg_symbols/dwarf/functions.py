"""Functions, and the frames that one address stands for when calls were inlined."""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.code_map import code_map
from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.line_header import file_names
from unidbg_symbols.dwarf.lines import line_table
from unidbg_symbols.dwarf.names import qualified_name
from unidbg_symbols.dwarf.places import Declared
from unidbg_symbols.dwarf.ranges import die_ranges
from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from unidbg_symbols.dwarf.code_map import CodeMap
    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.die import Die
    from unidbg_symbols.dwarf.lines import LineTable
    from unidbg_symbols.dwarf.type_builder import TypeBuilder
    from unidbg_symbols.types import Type


class CodeFrame(Record):
    """One frame at an address: the function, and where in it.

    For the innermost frame that is the line of the address, for the others the place of the inlined call.
    `inlined` is true where the function has no stack frame of its own here. `file` is "" and `line` 0 where
    unknown.
    """

    __slots__ = ("function", "file", "line", "column", "inlined")

    def __init__(self, function: str, file: str, line: int, column: int, inlined: bool) -> None:
        self.function: Final = function
        self.file: Final = file
        self.line: Final = line
        self.column: Final = column
        self.inlined: Final = inlined


class Function(Declared):
    """A function with code of its own.

    `low` and `high` are the first byte of its entry range and the one past it; `ranges` has all ranges, for
    compilers put cold code elsewhere. `name` has its scopes in C++ and Rust.
    """

    __slots__ = ("_builder", "die", "high", "low", "name", "ranges")

    def __init__(self, die: Die, builder: TypeBuilder) -> None:
        self.die = die
        self._builder = builder
        self.name: Final = qualified_name(die)
        ranges = die_ranges(die)
        entry = die.address(c.DW_AT_entry_pc)
        self.low, self.high = next(
            (each for each in ranges if entry is not None and each[0] <= entry < each[1]),
            ranges[0] if ranges else (0, 0),
        )
        self.ranges: Final = tuple(ranges)

    def __repr__(self) -> str:
        return f"<Function {self.name} at {self.low:#x}-{self.high:#x}>"

    @property
    def type(self) -> Type:
        """What it returns and takes, as a FunctionType."""
        return self._builder.build(next((d for d in self.die.origins() if c.DW_AT_prototyped in d), self.die))

    @property
    def noreturn(self) -> bool:
        """Whether it is declared never to return."""
        return any(c.DW_AT_noreturn in die for die in self.die.origins())


class FunctionFinder:
    """Functions and frames by address. Names and places of calls are kept once they were read."""

    def __init__(self, dwarf: Dwarf, builder: TypeBuilder) -> None:
        self._dwarf = dwarf
        self._builder = builder
        self._units: dict[int, _UnitCode] = {}

    def function_at(self, address: int) -> Function | None:
        """The function that contains an address."""
        code = self._code_at(address)
        node = code.codes.innermost(address) if code else -1
        return None if code is None or node < 0 else code.function(code.codes.function(node), self._builder)

    def frames_at(self, address: int) -> tuple[CodeFrame, ...]:
        """The frames at an address, innermost first; empty where no unit knows it."""
        code = self._code_at(address)
        if code is None:
            return ()
        node = code.codes.innermost(address)
        place = code.lines.place(address)
        if node < 0:
            return (CodeFrame("", *place, False),) if place[0] else ()
        kept = code.frames.get(node)
        if kept is None:
            kept = code.frames[node] = code.around(node)
        name, inlined, outer = kept
        return (CodeFrame(name, *place, inlined), *outer)

    def _code_at(self, address: int) -> _UnitCode | None:
        unit = self._dwarf.address_map.unit_at(address)
        if unit is None:
            return None
        found = self._units.get(unit.offset)
        if found is None:
            codes = code_map(self._dwarf.whole(unit))
            found = self._units[unit.offset] = _UnitCode(codes, line_table(unit))
        return found


class _UnitCode:
    """The code and the lines of one unit, and what was said of its nodes before."""

    __slots__ = ("_functions", "codes", "frames", "lines")

    def __init__(self, codes: CodeMap, lines: LineTable) -> None:
        self.codes: Final = codes
        self.lines: Final = lines
        self.frames: Final[dict[int, tuple[str, bool, tuple[CodeFrame, ...]]]] = {}
        self._functions: dict[int, Function] = {}

    def function(self, node: int, builder: TypeBuilder) -> Function:
        """The function of a node."""
        found = self._functions.get(node)
        if found is None:
            found = self._functions[node] = Function(self._die(node), builder)
        return found

    def around(self, node: int) -> tuple[str, bool, tuple[CodeFrame, ...]]:
        """(name of the node's function, whether it is inlined, the frames around it)."""
        codes = self.codes
        die = call = self._die(node)
        outer: list[CodeFrame] = []
        at = node
        while codes.inlined[at] and codes.parents[at] >= 0:
            at = codes.parents[at]
            around = self._die(at)
            outer.append(CodeFrame(qualified_name(around), *call_place(call), bool(codes.inlined[at])))
            call = around
        return qualified_name(die), bool(codes.inlined[node]), tuple(outer)

    def _die(self, node: int) -> Die:
        return read_die(self.codes.unit, self.codes.offsets[node])


def call_place(die: Die) -> tuple[str, int, int]:
    """(file, line, column) of an inlined call."""
    files = file_names(die.unit)
    number = die.uint(c.DW_AT_call_file)
    file = files[number] if 0 <= number < len(files) else ""
    return file, die.uint(c.DW_AT_call_line), die.uint(c.DW_AT_call_column)
