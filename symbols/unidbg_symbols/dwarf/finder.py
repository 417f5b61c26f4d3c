"""Finds the DIEs of one name without any index, by searching bytes.

A name is stored once in .debug_str, so its offset is searched in .debug_info and what lies around each hit is
held against the abbreviations; short names stand in .debug_info themselves. DWARF 5 of clang refers to names
by index: there the unit's .debug_str_offsets tells which units know the name, and only those are skimmed.

Linkers merge the tails of strings, so `server` may live inside `xserver`. One that merges never keeps both
the tail and a copy of its own: places inside of other strings count only when no string is the name itself.
"""

from __future__ import annotations

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.leb import uleb
from unidbg_symbols.dwarf.skim import all_entries, path_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from unidbg_symbols.dwarf.abbrev import Abbrev
    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.unit import Unit

    Candidate = tuple[Unit, int, Abbrev]

_SECTIONS = (".debug_info", ".debug_types")
_INDEX_FORMS = {
    c.DW_FORM_strx1: 1, c.DW_FORM_strx2: 2, c.DW_FORM_strx3: 3, c.DW_FORM_strx4: 4,
    c.DW_FORM_strx: 0, c.DW_FORM_GNU_str_index: 0,
}  # fmt: skip
_SUPPLEMENT_FORMS = (c.DW_FORM_GNU_strp_alt, c.DW_FORM_strp_sup)
_SEARCHED_FORMS = frozenset({c.DW_FORM_strp, c.DW_FORM_string, *_SUPPLEMENT_FORMS, *_INDEX_FORMS})
_FARTHEST_NAME = 9  # bytes from the start of a DIE to its name, where compilers put it
_OFFSETS_AT_MOST = 16
_PIECE = 1 << 19


def find_named(dwarf: Dwarf, name: str, tags: frozenset[int]) -> Iterator[Candidate]:
    """(unit, offset, abbreviation) of DIEs that seem to have this name and a tag of these."""
    with parsing(".debug_info", dwarf.path):
        found = False
        for candidate in _in_index(dwarf, name, tags):
            found = True
            yield candidate
        if not found:
            yield from _searched(dwarf, name, tags)
    for other in dwarf.elsewhere():
        yield from find_named(other, name, tags)


def _searched(dwarf: Dwarf, name: str, tags: frozenset[int]) -> Iterator[Candidate]:
    """By searching bytes."""
    found = False
    needle = name.encode("utf-8", "surrogateescape") + b"\0"
    exact, tails = _string_offsets(dwarf.data(".debug_str"), needle)
    offsets = exact or tails
    if len(offsets) <= _OFFSETS_AT_MOST:
        for candidate in _search(dwarf, needle, offsets, tags):
            found = True
            yield candidate
    if dwarf.supplement is not None:
        yield from _named_in_supplement(dwarf, dwarf.supplement, needle, tags)
    if not found and (offsets or any(needle in dwarf.data(section) for section in _SECTIONS)):
        everywhere = len(offsets) > _OFFSETS_AT_MOST
        yield from _skim_all(dwarf, needle[:-1], frozenset(offsets), tags, everywhere)


def _named_in_supplement(
    dwarf: Dwarf, supplement: Dwarf, needle: bytes, tags: frozenset[int]
) -> Iterator[Candidate]:
    """DIEs of this file whose name is a string of the supplementary file."""
    exact, tails = _string_offsets(supplement.data(".debug_str"), needle)
    data = dwarf.data(".debug_info")
    values = [offset.to_bytes(4, dwarf.byteorder) for offset in (exact or tails)[:_OFFSETS_AT_MOST]]
    for form in _SUPPLEMENT_FORMS:
        for hit, _ in _hits(data, [(value, form) for value in values]):
            yield from _around(dwarf.unit_at(hit), hit, form, tags)


def confirmed(unit: Unit, offset: int) -> list[int]:
    """The path to a DIE that starts at `offset`; empty where the candidate was a coincidence."""
    if (unit.section, offset) in unit.dwarf.known:
        return [offset]
    with parsing(unit.section, unit.dwarf.path):
        path = path_to(unit, offset)
    return path if path and path[-1] == offset else []


def _in_index(dwarf: Dwarf, name: str, tags: frozenset[int]) -> Iterator[Candidate]:
    """What an index of an earlier run knows; an index that lies is forgotten."""
    if dwarf.index is None:
        return
    from unidbg_symbols.dwarf.index_use import entries

    yield from entries(dwarf, name, tags)


def positions(data: bytes, needle: bytes, start: int = 0, end: int | None = None) -> Iterator[int]:
    """Where the bytes occur."""
    end = len(data) if end is None else end
    at = data.find(needle, start, end)
    while at >= 0:
        yield at
        at = data.find(needle, at + 1, end)


def _string_offsets(strings: bytes, needle: bytes) -> tuple[list[int], list[int]]:
    """Offsets at which the name is a whole string, and those at which it is the tail of another."""
    exact: list[int] = []
    tails: list[int] = []
    for at in positions(strings, needle):
        (exact if at == 0 or strings[at - 1] == 0 else tails).append(at)
    return exact, tails


def _search(dwarf: Dwarf, inline: bytes, offsets: list[int], tags: frozenset[int]) -> Iterator[Candidate]:
    needles = [(offset.to_bytes(4, dwarf.byteorder), c.DW_FORM_strp) for offset in offsets]
    needles.append((inline, c.DW_FORM_string))
    for section in _SECTIONS:
        data = dwarf.data(section)
        if data:
            for hit, form in _hits(data, needles):
                yield from _around(dwarf.unit_at(hit, section), hit, form, tags)
    if dwarf.data(".debug_str_offsets"):
        for offset in offsets:
            yield from _indexed(dwarf, offset, tags)


def _hits(data: bytes, needles: list[tuple[bytes, int]]) -> Iterator[tuple[int, int]]:
    """(position, form) of each needle, in order of position: piece by piece, for the first may be enough."""
    for start in range(0, len(data), _PIECE):
        found: list[tuple[int, int]] = []
        for needle, form in needles:
            end = start + _PIECE + len(needle) - 1
            found.extend((at, form) for at in positions(data, needle, start, end))
        found.sort()
        yield from found


def _around(unit: Unit, at: int, form: int, tags: frozenset[int]) -> Iterator[Candidate]:
    """The DIEs whose name would lie at a hit."""
    if form == c.DW_FORM_strp and unit.offset_size == 8 and not unit.little_endian:
        at -= 4
    for start in range(at - 1, max(at - _FARTHEST_NAME, unit.first) - 1, -1):
        abbrev = _abbrev_at(unit, start)
        if abbrev is None or abbrev.tag not in tags:
            continue
        if abbrev.name_at == at - start and abbrev.name_form == form:
            yield unit, start, abbrev


def _abbrev_at(unit: Unit, at: int) -> Abbrev | None:
    code = unit.data[at]
    if code >= 0x80:
        if unit.data[at + 1] >= 0x80:
            return None
        code, _ = uleb(unit.data, at)
    return unit.abbrevs.quick(code)


def _indexed(dwarf: Dwarf, offset: int, tags: frozenset[int]) -> Iterator[Candidate]:
    """DIEs that name the string at `offset` by an index."""
    table = dwarf.data(".debug_str_offsets")
    for width in (4, 8):
        users = [unit for unit in dwarf.all_units() if unit.offset_size == width and _has_indexes(unit)]
        if not users:
            continue
        hits = list(positions(table, offset.to_bytes(width, dwarf.byteorder)))
        for unit in users if hits else ():
            base = unit.base(c.DW_AT_str_offsets_base, 0 if unit.version < 5 else 2 * width)
            indexes = _indexes(hits, base, width)
            for at, abbrev, _, _ in all_entries(unit, unit.first) if indexes else ():
                if abbrev.tag in tags and _named_by_index(unit, at, abbrev, indexes):
                    yield unit, at, abbrev


def _has_indexes(unit: Unit) -> bool:
    return unit.version >= 5 or unit.skeleton is not None


def _indexes(hits: list[int], base: int, width: int) -> frozenset[int]:
    return frozenset((hit - base) // width for hit in hits if hit >= base and (hit - base) % width == 0)


def _named_by_index(unit: Unit, at: int, abbrev: Abbrev, indexes: frozenset[int]) -> bool:
    width = _INDEX_FORMS.get(abbrev.name_form)
    if width is None:
        return False
    if width == 0 or abbrev.name_at < 0:
        return read_die(unit, at).uint(c.DW_AT_name, -1) in indexes
    start = at + abbrev.name_at
    return (
        int.from_bytes(unit.data[start : start + width], "little" if unit.little_endian else "big") in indexes
    )


def _skim_all(
    dwarf: Dwarf, name: bytes, offsets: frozenset[int], tags: frozenset[int], everywhere: bool
) -> Iterator[Candidate]:
    """Look at every DIE: of units that put names where a search does not expect them, or of all units."""
    text = name.decode("utf-8", "backslashreplace")
    for unit in dwarf.all_units():
        if not everywhere and _is_regular(unit, tags):
            continue
        for at, abbrev, _, _ in all_entries(unit, unit.first):
            if abbrev.tag in tags and abbrev.name_form and _is_named(unit, at, abbrev, text, offsets):
                yield unit, at, abbrev


def _is_regular(unit: Unit, tags: frozenset[int]) -> bool:
    """True where a search finds every name of these tags."""
    return all(
        abbrev.name_form in _SEARCHED_FORMS and 0 < abbrev.name_at <= _FARTHEST_NAME and abbrev.lead <= 2
        for abbrev in unit.abbrevs.complete().values()
        if abbrev.tag in tags and abbrev.name_form
    )


def _is_named(unit: Unit, at: int, abbrev: Abbrev, name: str, offsets: frozenset[int]) -> bool:
    if abbrev.name_at >= 0 and abbrev.name_form == c.DW_FORM_strp:
        return unit.offset_at(at + abbrev.name_at) in offsets
    return read_die(unit, at).name == name
