"""Global and static variables by name: type, and where they lie.

Where the symbol table knows the address, the DIE is found by searching `DW_OP_addr address`, which names the
definition at once; a search by name would first meet an `extern` declaration in every unit that includes the
header. Else by name, following declarations to the nameless definitions that complete them.
"""

from __future__ import annotations

from itertools import chain

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.finder import confirmed, find_named, positions
from unidbg_symbols.dwarf.leb import uleb
from unidbg_symbols.dwarf.names import capitals, qualified_name, scopes_of
from unidbg_symbols.dwarf.places import Declared
from unidbg_symbols.dwarf.skim import all_entries, path_to
from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Final

    from unidbg_symbols.dwarf.abbrev import Abbrev
    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.die import Die
    from unidbg_symbols.dwarf.type_builder import TypeBuilder
    from unidbg_symbols.dwarf.unit import Unit
    from unidbg_symbols.elf.symbols import Symbol
    from unidbg_symbols.types import Type

_TAGS = frozenset({c.DW_TAG_variable, c.DW_TAG_member, c.DW_TAG_constant})
_OP_addr, _OP_const4u, _OP_const8u, _OP_plus_uconst = 0x03, 0x0C, 0x0E, 0x23
_OP_addrx, _OP_constx, _OP_GNU_addr_index, _OP_GNU_const_index = 0xA1, 0xA2, 0xFB, 0xFC
_MOST_STEPS = 2  # from a declaration to its definition, and with gcc's link-time optimisation to its place
_TLS_OPS = frozenset({0x9B, 0xE0})  # DW_OP_form_tls_address and GNU's earlier one


class Variable(Declared, Record):
    """A variable with static storage.

    `address` is link-time, None where there is none: then it is thread-local (`tls_offset`, in bytes, as the
    linker numbers the TLS block), a `constant`, or was optimised away. `unit` is the compiled file, `file`
    and `line` the place of its declaration; `external` tells globals from statics.
    """

    __slots__ = ("name", "_type", "address", "tls_offset", "constant", "external", "die")

    def __init__(
        self,
        name: str,
        type: Type,
        die: Die,
        external: bool,
        address: int | None,
        tls_offset: int | None = None,
        constant: int | bytes | None = None,
    ) -> None:
        self.name: Final = name
        self._type = type
        self.die = die
        self.external: Final = external
        self.address: Final = address
        self.tls_offset: Final = tls_offset
        self.constant: Final = constant

    @property
    def type(self) -> Type:
        """The type of the variable."""
        return self._type

    def __repr__(self) -> str:
        where = "nowhere" if self.address is None else f"{self.address:#x}"
        return f"<Variable {self.type.spell(self.name)} at {where}>"


class VariableFinder:
    """Finds the variables of one image."""

    def __init__(self, dwarf: Dwarf, builder: TypeBuilder) -> None:
        self._dwarf = dwarf
        self._builder = builder

    def by_symbols(self, name: str, symbols: Iterable[Symbol]) -> Iterator[Variable]:
        """The variable at the address of each symbol, if its name is `name`."""
        for symbol in symbols:
            if symbol.defined and symbol.kind in ("object", "notype"):
                yield from self._at_address(name, symbol.address)

    def find(self, name: str, scopes: tuple[str, ...], symbols: Sequence[Symbol]) -> Variable | None:
        """The variable of that name: a global before a static, one with a place before a mere declaration."""
        best: Variable | None = None
        # An index names the definitions themselves: no need to search for addresses.
        direct = () if scopes or self._dwarf.index is not None else self.by_symbols(name, symbols)
        for found in direct, self.by_name(name, scopes):
            for variable in found:
                if variable.external and variable.address is not None:
                    return variable
                best = best or variable
            if best is not None:
                return best
        address = next((s.address for s in symbols if s.defined and s.kind in ("object", "notype")), None)
        if address is not None:
            return self.declaration(name, address)
        shouted = capitals(self._dwarf, name)
        return self.find(shouted, tuple(each.upper() for each in scopes), ()) if shouted else None

    def by_name(self, name: str, scopes: tuple[str, ...] = ()) -> Iterator[Variable]:
        """Every variable of that name that has a place or a value."""
        seen: set[tuple[Dwarf, int]] = set()
        with parsing(".debug_info", self._dwarf.path):
            for unit, offset, _ in find_named(self._dwarf, name, _TAGS):
                for die in self._definitions(unit, offset):
                    key = (die.unit.dwarf, die.offset)
                    path = [] if key in seen else confirmed(die.unit, die.offset)
                    seen.add(key)
                    if path and _scoped(unit, offset, scopes):
                        yield self._variable(die)

    def declaration(self, name: str, address: int | None) -> Variable | None:
        """The variable as some unit declares it (`extern`), at an address that the symbol table knows."""
        for unit, offset, abbrev in find_named(self._dwarf, name, _TAGS):
            if abbrev.tag == c.DW_TAG_variable and confirmed(unit, offset):
                die = read_die(unit, offset)
                if die.flag(c.DW_AT_declaration):
                    return Variable(qualified_name(die), self._builder.type_of(die), die, True, address)
        return None

    def _at_address(self, name: str, address: int) -> Iterator[Variable]:
        data = self._dwarf.data(".debug_info")
        size = self._dwarf.elf.header.bits // 8
        needle = bytes((size + 1, _OP_addr)) + address.to_bytes(size, self._dwarf.byteorder)
        with parsing(".debug_info", self._dwarf.path):
            for hit in positions(data, needle):
                unit = self._dwarf.unit_at(hit)
                path = path_to(unit, hit)
                die = read_die(unit, path[-1]) if path else None
                if die and die.tag == c.DW_TAG_variable and any(each.name == name for each in die.origins()):
                    yield self._variable(die)

    def _definitions(self, unit: Unit, offset: int) -> Iterator[Die]:
        """The DIE itself if it has a place, else those that complete it."""
        die = read_die(unit, offset)
        if c.DW_AT_location in die or c.DW_AT_const_value in die:
            if self._place(die) != (None, None) or c.DW_AT_const_value in die:
                yield die
            return
        if self._dwarf.index is None:
            yield from self._completions(unit, offset)

    def _completions(self, unit: Unit, offset: int, depth: int = 0) -> Iterator[Die]:
        """DIEs that refer to a declaration, or to one that completes it, and give it a place."""
        needle = (offset - unit.offset).to_bytes(4, self._dwarf.byteorder)
        hits = ((unit, hit) for hit in positions(unit.data, needle, unit.first, unit.end))
        found = list(self._referring(chain(hits, _odd_references(unit)), unit, offset))
        if self._completed_elsewhere(unit):
            main = self._dwarf
            absolute = positions(main.data(".debug_info"), offset.to_bytes(4, main.byteorder))
            found.extend(self._referring(((main.unit_at(hit), hit) for hit in absolute), unit, offset))
        for die in found:
            if self._place(die) != (None, None):
                yield die
            elif depth < _MOST_STEPS:
                yield from self._completions(die.unit, die.offset, depth + 1)

    def _completed_elsewhere(self, unit: Unit) -> bool:
        """True where another unit may complete what this one declares: after dwz, or LTO by gcc."""
        if unit.dwarf is self._dwarf.supplement or unit.root.tag == c.DW_TAG_partial_unit:
            return True
        names = (".debug_line_str", ".debug_str")
        return any(b"<artificial>\0" in self._dwarf.data(name) for name in names)

    def _referring(self, hits: Iterator[tuple[Unit, int]], unit: Unit, offset: int) -> Iterator[Die]:
        """Variables at the hits that refer to the DIE at `offset`."""
        for user, hit in hits:
            path = path_to(user, hit)
            die = read_die(user, path[-1]) if path else None
            if die is None or die.tag != c.DW_TAG_variable:
                continue
            referred = die.reference(c.DW_AT_specification) or die.reference(c.DW_AT_abstract_origin)
            if referred == (unit, offset):
                yield die

    def _variable(self, die: Die) -> Variable:
        address, tls_offset = self._place(die)
        constant = next(
            (d.attributes[c.DW_AT_const_value][1] for d in (die,) if c.DW_AT_const_value in d), None
        )
        external = any(each.flag(c.DW_AT_external) for each in die.origins())
        return Variable(
            qualified_name(die), self._builder.type_of(die), die, external, address, tls_offset, constant
        )

    def _place(self, die: Die) -> tuple[int | None, int | None]:
        """(address, TLS offset) of a variable whose location needs no registers; None for what it has not."""
        block = die.block(c.DW_AT_location)
        if not block:
            return None, None
        with parsing(f"the location of {die.name!r}", self._dwarf.path):
            value, at = _literal(die.unit, block)
            if value is None:
                return None, None
            if at < len(block) and block[at] == _OP_plus_uconst:
                more, at = uleb(block, at + 1)
                value += more
            if at == len(block):
                return value, None
            if at + 1 == len(block) and block[at] in _TLS_OPS:
                return None, value
        return None, None


_SEARCHED_REFERENCES = frozenset({c.DW_FORM_ref4, c.DW_FORM_ref_addr, c.DW_FORM_GNU_ref_alt})


def _odd_references(unit: Unit) -> Iterator[tuple[Unit, int]]:
    """Variables that refer to a declaration in a form that a search for 4 bytes does not find (after dwz)."""
    odd = {id(abbrev) for abbrev in unit.abbrevs.complete().values() if _refers_oddly(abbrev)}
    for offset, abbrev, _, _ in all_entries(unit, unit.first) if odd else ():
        if id(abbrev) in odd:
            yield unit, offset


def _refers_oddly(abbrev: Abbrev) -> bool:
    return abbrev.tag == c.DW_TAG_variable and any(
        attribute in (c.DW_AT_specification, c.DW_AT_abstract_origin) and form not in _SEARCHED_REFERENCES
        for attribute, form, _ in abbrev.attributes
    )


def _literal(unit: Unit, block: bytes) -> tuple[int | None, int]:
    """(the address that an expression starts with, offset after it)."""
    op = block[0]
    if op == _OP_addr:
        size = unit.address_size
        return (unit.u64 if size == 8 else unit.u32)(block, 1)[0], 1 + size
    if op in (_OP_addrx, _OP_constx, _OP_GNU_addr_index, _OP_GNU_const_index):
        index, at = uleb(block, 1)
        return unit.dwarf.indexed_address(unit, index), at
    if op == _OP_const8u:
        return unit.u64(block, 1)[0], 9
    if op == _OP_const4u:
        return unit.u32(block, 1)[0], 5
    return None, 0


def _scoped(unit: Unit, offset: int, scopes: tuple[str, ...]) -> bool:
    if not scopes:
        return True
    return tuple(scopes_of(read_die(unit, offset))[-len(scopes) :]) == scopes
