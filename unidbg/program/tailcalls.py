"""Frames that are not on the stack: of functions that ended in a jump to another function.

The caller's code says whom it called. Where that is not the function that runs, one was left for the other,
and DWARF tells which jumps there are (DW_AT_call_tail_call). What all ways have in common is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unidbg.errors import SymbolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unidbg_symbols import Image
    from unidbg_symbols.dwarf.functions import Function

    from unidbg.program.program import Program
    from unidbg.program.stepping import Step

MAX_CHAIN = 8
"""Jumps one after the other."""
MAX_LOOKED_AT = 64
"""Functions that are looked into for jumps."""


def jumps_between(program: Program, callee: Step, caller: Step) -> tuple[int, ...]:
    """Run addresses behind the jumps that led to `callee` from what `caller` called, the latest first."""
    if caller.exact or caller.how == "guess":
        return ()
    module = program.module_at(caller.cursor.pc - 1)
    if module is None:
        return ()
    looked_up = module.link_address(callee.cursor.pc if callee.exact else callee.cursor.pc - 1)
    try:
        found = _links(module.image, module.link_address(caller.cursor.pc), looked_up)
    except SymbolError:
        return ()
    return tuple(module.run_address(address) for address in found)


def called_directly(image: Image, return_pc: int, looked_up: int) -> bool:
    """Whether the call before `return_pc` names the function that contains `looked_up`."""
    from unidbg_symbols.calls import direct_target

    symbol = image.symbol_at(looked_up)
    target = direct_target(image, return_pc)
    if target is None or symbol is None:
        return False
    if target == symbol.address:
        return True
    function = image.function_at(looked_up)  # its code may be in several places
    return function is not None and function.low == target


def _links(image: Image, return_pc: int, looked_up: int) -> tuple[int, ...]:
    from unidbg_symbols.calls import direct_target

    target = direct_target(image, return_pc)
    if target is None or called_directly(image, return_pc, looked_up):
        return ()
    first, last = image.function_at(target), image.function_at(looked_up)
    if first is None or last is None or first.low == last.low:
        return ()
    return _common(ways_between(image, first, last))


def _common(ways: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Of several ways what all of them begin and end with: that much is certain."""
    if len(ways) < 2:
        return ways[0] if ways else ()
    shortest = min(ways, key=len)
    latest = _length_of_common(ways, range(len(shortest)))
    first = _length_of_common(ways, range(-1, -len(shortest) - 1, -1))
    if latest + first > len(shortest):
        return ()
    return shortest[:latest] + shortest[len(shortest) - first :]


def _length_of_common(ways: Sequence[tuple[int, ...]], places: range) -> int:
    return next((n for n, at in enumerate(places) if len({way[at] for way in ways}) > 1), len(places))


def ways_between(image: Image, first: Function, last: Function) -> list[tuple[int, ...]]:
    """All ways from a function to another by jumps alone, each the addresses behind them, the latest first.

    None where there are too many to be sure of all.
    """
    search = _Search(image, last.low)
    search.look(first, (), frozenset({first.low}))
    return [] if search.given_up else search.found


def may_come_again(image: Image, function: Function) -> bool:
    """Whether jumps may lead from a function to itself: then nobody knows what it was first entered with."""
    search = _Search(image, function.low)
    search.look(function, (), frozenset())
    return bool(search.found) or search.given_up or search.unknown


class _Search:
    """Follows jumps to the function at `goal`. `unknown`: some go where only the processor knows."""

    def __init__(self, image: Image, goal: int) -> None:
        self._image = image
        self._goal = goal
        self._looked_at = 0
        self.found: list[tuple[int, ...]] = []
        self.given_up = False
        self.unknown = False

    def look(self, function: Function, way: tuple[int, ...], passed: frozenset[int]) -> None:
        """Follow the jumps of `function`, that was reached by those of `way` (latest first)."""
        self._looked_at += 1
        if len(way) >= MAX_CHAIN or self._looked_at > MAX_LOOKED_AT:
            self.given_up = True
            return
        for site in self._image.call_sites(function.low):
            if not site.tail:
                continue
            targets = self._named(site.function)
            self.unknown |= not targets
            for target in targets:
                if target.low == self._goal:
                    self.found.append((site.return_pc, *way))
                elif target.low not in passed:
                    self.look(target, (site.return_pc, *way), passed | {target.low})

    def _named(self, name: str) -> list[Function]:
        if not name:
            return []
        symbols = self._image.symbols_named(name.rpartition("::")[2])
        functions = (self._image.function_at(symbol.address) for symbol in symbols if symbol.defined)
        return [function for function in functions if function is not None and function.name == name]
