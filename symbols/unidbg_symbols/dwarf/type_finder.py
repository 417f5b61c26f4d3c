"""Types by name: the first complete definition, or all that differ."""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.finder import confirmed, find_named
from unidbg_symbols.dwarf.names import capitals, scopes_of
from unidbg_symbols.dwarf.type_builder import TypeBuilder
from unidbg_symbols.dwarf.type_names import ORDINARY_TAGS, TAGGED_TAGS, decorate, parse_spelling
from unidbg_symbols.types import EnumType, StructType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from unidbg_symbols.dwarf.abbrev import Abbrev
    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.die import Die
    from unidbg_symbols.dwarf.finder import Candidate
    from unidbg_symbols.dwarf.type_names import Spelling
    from unidbg_symbols.types import Type

_NEAREST_TRIED = 12


class TypeFinder:
    """Finds types of one image by their names."""

    def __init__(self, dwarf: Dwarf, bits: int) -> None:
        self._dwarf = dwarf
        self._bits = bits
        self.builder = TypeBuilder(dwarf, self._definition)
        self._found: dict[str, Type | None] = {}
        self._definitions: dict[tuple[int, str], Die | None] = {}

    def find(self, text: str) -> Type | None:
        """The type of that spelling, None where there is none."""
        if text not in self._found:
            spelling = parse_spelling(text, self._bits)
            base = self._base(spelling)
            if base is None and (shouted := capitals(self._dwarf, text)):
                self._found[text] = self.find(shouted)
            else:
                self._found[text] = None if base is None else decorate(base, spelling, self._bits // 8)
        return self._found[text]

    def find_all(self, text: str) -> list[Type]:
        """Every type of that spelling; those that are laid out alike once."""
        spelling = parse_spelling(text, self._bits)
        distinct: dict[object, Type] = {}
        for type_ in self._all(spelling):
            distinct.setdefault(layout_key(type_), type_)
        return [decorate(type_, spelling, self._bits // 8) for type_ in distinct.values()]

    def nearest(self, text: str) -> tuple[str, ...]:
        """Names of types that look like `text`."""
        from unidbg_symbols.nearest import nearest

        name = parse_spelling(text, self._bits).names[0]
        strings = self._dwarf.data(".debug_str").split(b"\0")
        close = nearest(name, (each.decode("utf-8", "replace") for each in strings), _NEAREST_TRIED)
        tags = ORDINARY_TAGS | TAGGED_TAGS
        return tuple(each for each in close if any(True for _ in find_named(self._dwarf, each, tags)))[:3]

    def _base(self, spelling: Spelling) -> Type | None:
        if spelling.names == ("void",):
            return self.builder.void
        return next(self._all(spelling), spelling.fallback)

    def _all(self, spelling: Spelling) -> Iterator[Type]:
        """Types of a spelling without its suffixes; C's ordinary names (typedefs) before tags."""
        for name in spelling.names:
            if spelling.tags is not None:
                found = find_named(self._dwarf, name, spelling.tags)
                yield from self._definitions_among(found, spelling.scopes)
                continue
            tagged: list[Candidate] = []
            candidates = find_named(self._dwarf, name, ORDINARY_TAGS | TAGGED_TAGS)
            yield from self._definitions_among(_ordinary(candidates, tagged), spelling.scopes)
            yield from self._definitions_among(iter(tagged), spelling.scopes)

    def _definitions_among(self, candidates: Iterator[Candidate], scopes: tuple[str, ...]) -> Iterator[Type]:
        """Complete types first found; where there is only a declaration, that one."""
        declared: Type | None = None
        complete = False
        for unit, offset, abbrev in candidates:
            incomplete = is_declaration(abbrev)
            if incomplete and (complete or declared is not None):
                continue
            path = confirmed(unit, offset)
            if not path or (scopes and tuple(scopes_of(read_die(unit, offset))[-len(scopes) :]) != scopes):
                continue
            type_ = self.builder.type_at(unit, offset)
            if incomplete:
                declared = type_
            else:
                complete = True
                yield type_
        if not complete and declared is not None:
            yield declared

    def _definition(self, die: Die) -> Die | None:
        """The complete struct, union or enum of a declaration, wherever in the image it is."""
        key = (die.tag, die.name)
        if key not in self._definitions:
            self._definitions[key] = self._search_definition(die)
        return self._definitions[key]

    def _search_definition(self, die: Die) -> Die | None:
        if not die.name:
            return None
        scopes = scopes_of(die)
        for unit, offset, abbrev in find_named(self._dwarf, die.name, frozenset({die.tag})):
            if is_declaration(abbrev):
                continue
            found = read_die(unit, offset) if confirmed(unit, offset) else None
            if found is not None and scopes_of(found) == scopes:
                return found
        return None


def _ordinary(candidates: Iterator[Candidate], others: list[Candidate]) -> Iterator[Candidate]:
    """Those with an ordinary name, as they are found; the others are put aside."""
    for candidate in candidates:
        if candidate[2].tag in ORDINARY_TAGS:
            yield candidate
        else:
            others.append(candidate)


def is_declaration(abbrev: Abbrev) -> bool:
    """True for `struct foo;`, and for a struct whose inside is in a type unit."""
    return any(attribute == c.DW_AT_declaration for attribute, _, _ in abbrev.attributes)


def layout_key(type_: Type) -> object:
    """Equal for types that are laid out alike: name, size, and members or enumerators."""
    if isinstance(type_, StructType):
        members = tuple((m.name, m.offset, m.bit_offset, m.bit_size, m.type.name) for m in type_.members)
        return (type_.name, type_.size, members)
    if isinstance(type_, EnumType):
        return (type_.name, type_.size, tuple(type_.enumerators))
    return (type(type_).__name__, type_.name, type_.size)
