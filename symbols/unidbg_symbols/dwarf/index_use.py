"""Looks names up in an index, and holds what it says against the image."""

from __future__ import annotations

from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.leb import uleb
from unidbg_symbols.dwarf.names import bare_name
from unidbg_symbols.errors import ImageError
from unidbg_symbols.index_file import IN_TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.finder import Candidate


def entries(dwarf: Dwarf, name: str, tags: frozenset[int]) -> Iterator[Candidate]:
    """(unit, offset, abbreviation) of each DIE with this name and one of these tags.

    Ends early, the index forgotten, when it names a DIE that is not there: whoever asked then searches.
    """
    index = dwarf.index
    if index is None:
        return
    for offset, description in index.find(name.encode("utf-8", "surrogateescape")):
        if description & 0xFFFF not in tags:
            continue
        try:
            candidate = _entry(dwarf, name, offset, description)
        except (ImageError, LookupError):
            dwarf.forget_index()
            return
        if candidate is not None:
            yield candidate


def _entry(dwarf: Dwarf, name: str, offset: int, description: int) -> Candidate | None:
    section = ".debug_types" if description & IN_TYPES else ".debug_info"
    unit = dwarf.unit_at(offset, section)
    die = read_die(unit, offset)
    if die.tag != description & 0xFFFF:
        raise LookupError("the index is another image's")
    if bare_name(die) != name:
        return None  # another name with the same hash
    dwarf.known.add((section, offset))
    return unit, offset, unit.abbrevs[uleb(unit.data, offset)[0]]
