"""Call sites (DWARF 5, section 3.4): what a function calls where, and which values it passed.

They tell what parameters were at entry after the callee has reused their registers, and which functions
ended in a jump to another one and so left no frame on the stack.
"""

from __future__ import annotations

from itertools import islice

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.code_map import code_map
from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.names import qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Final

    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.die import Die
    from unidbg_symbols.dwarf.expression import Piece
    from unidbg_symbols.requests import Answer, Request

_SITES = frozenset({c.DW_TAG_call_site, c.DW_TAG_GNU_call_site})
_PARAMETERS = frozenset({c.DW_TAG_call_site_parameter, c.DW_TAG_GNU_call_site_parameter})
_AROUND = frozenset(
    {c.DW_TAG_lexical_block, c.DW_TAG_inlined_subroutine, c.DW_TAG_try_block, c.DW_TAG_catch_block}
)
_DEEPEST = 64
_MOST_SITES = 4096


class CallSite:
    """A call. `return_pc` is the link address behind it; of a tail call nothing returns there."""

    __slots__ = ("_caller", "_die", "return_pc", "tail")

    def __init__(self, die: Die, caller: Die) -> None:
        self._die = die
        self._caller = caller
        self.return_pc: Final = die.address(c.DW_AT_call_return_pc) or die.address(c.DW_AT_low_pc) or 0
        self.tail: Final = die.flag(c.DW_AT_call_tail_call) or die.flag(c.DW_AT_GNU_tail_call)

    @property
    def function(self) -> str:
        """The name of what is called, empty where only the processor knows."""
        for attribute in (c.DW_AT_call_origin, c.DW_AT_abstract_origin):
            origin = self._die.referred(attribute)
            if origin is not None:
                return qualified_name(origin)
        return ""

    @property
    def target(self) -> bytes | None:
        """The expression, in the caller's frame, of the address that is called through a pointer."""
        return self._die.block(c.DW_AT_call_target) or self._die.block(c.DW_AT_GNU_call_site_target)

    def value(self, location: bytes) -> bytes | None:
        """The expression, in the caller's frame, of what was passed at `location` (`DW_OP_reg5`)."""
        for child in self._die.children():
            if child.tag in _PARAMETERS and child.block(c.DW_AT_location) == location:
                return child.block(c.DW_AT_call_value) or child.block(c.DW_AT_GNU_call_site_value)
        return None

    def evaluate(self, code: bytes, bias: int) -> Generator[Request, Answer, tuple[Piece, ...]]:
        """Evaluate one of these expressions; what is asked for is the caller's."""
        from unidbg_symbols.dwarf.locals import evaluate_in

        return evaluate_in(code, self._die, self._caller, self.return_pc - 1, bias)


def call_sites_at(dwarf: Dwarf, address: int) -> tuple[CallSite, ...]:
    """The calls of the function that contains an address; none where no unit tells."""
    unit = dwarf.address_map.unit_at(address)
    if unit is None:
        return ()
    codes = code_map(dwarf.whole(unit))
    node = codes.innermost(address)
    if node < 0:
        return ()
    key = (codes.unit.offset, codes.offsets[codes.function(node)])
    found = dwarf.call_sites.get(key)
    if found is None:
        function = read_die(codes.unit, key[1])
        walk = islice(_sites(function, 0), _MOST_SITES)
        found = dwarf.call_sites[key] = tuple(CallSite(die, function) for die in walk)
    return found


def _sites(die: Die, depth: int) -> Iterator[Die]:
    for child in die.children():
        if child.tag in _SITES:
            yield child
        elif child.tag in _AROUND and depth < _DEEPEST:
            yield from _sites(child, depth + 1)
