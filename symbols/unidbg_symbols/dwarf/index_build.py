"""Collects what the index holds: every DIE that names a type, and every variable with a place of its own."""

from __future__ import annotations

from zlib import crc32

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.names import bare_name
from unidbg_symbols.dwarf.skim import all_entries
from unidbg_symbols.dwarf.split import has_split_units
from unidbg_symbols.dwarf.supplement import has_supplement
from unidbg_symbols.dwarf.type_finder import is_declaration
from unidbg_symbols.dwarf.type_names import ORDINARY_TAGS, TAGGED_TAGS
from unidbg_symbols.index_file import DECLARATION, IN_TYPES, write_index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from unidbg_symbols.dwarf.abbrev import Abbrev
    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.unit import Unit

_TYPES = ORDINARY_TAGS | TAGGED_TAGS
# Places that need no frame: DW_OP_addr, constants (of thread-local storage), indexed addresses.
_STATIC = frozenset({0x03, 0x0C, 0x0E, 0xA1, 0xA2, 0xFB, 0xFC})


def build_index(dwarf: Dwarf) -> str:
    """Write the index of an image; the path of the file."""
    names: list[tuple[int, int, int]] = []
    hashes: dict[int, int] = {}
    for unit in dwarf.all_units():
        with parsing(unit.section, dwarf.path):
            names.extend(_entries(unit, hashes))
    offsets = [unit.offset for unit in dwarf.units()], [unit.offset for unit in dwarf.units(".debug_types")]
    tables = sorted({unit.abbrev_offset for unit in dwarf.all_units()})
    complete = not has_split_units(dwarf) and not has_supplement(dwarf.elf)
    return write_index(dwarf.elf, offsets, tables, names, complete)


def _entries(unit: Unit, hashes: dict[int, int]) -> Iterator[tuple[int, int, int]]:
    """(hash of the name, offset, description) of the DIEs of a unit."""
    where = IN_TYPES if unit.section == ".debug_types" else 0
    for offset, abbrev, _, _ in all_entries(unit, unit.first):
        tag = abbrev.tag
        if tag in _TYPES:
            if _is_named(abbrev):
                declares = DECLARATION if is_declaration(abbrev) else 0
                yield _hash(unit, offset, abbrev, hashes), offset, tag | where | declares
        elif tag == c.DW_TAG_variable and _may_be_static(abbrev):
            found = _variable(unit, offset)
            if found is not None:
                yield found[0], offset, tag | where | found[1]


def _hash(unit: Unit, offset: int, abbrev: Abbrev, hashes: dict[int, int]) -> int:
    """The hash of a DIE's name; most names are told by an offset that was met before."""
    if abbrev.name_at < 0 or abbrev.name_form != c.DW_FORM_strp:
        return crc32(bare_name(read_die(unit, offset)).encode("utf-8", "surrogateescape"))
    at = unit.offset_at(offset + abbrev.name_at)
    found = hashes.get(at)
    if found is None:
        strings = unit.dwarf.data(".debug_str")
        found = hashes[at] = crc32(strings[at : strings.index(0, at)])
    return found


def _is_named(abbrev: Abbrev) -> bool:
    """True where the DIE has a name, or completes one that has."""
    return any(attribute in (c.DW_AT_name, c.DW_AT_specification) for attribute, _, _ in abbrev.attributes)


def _may_be_static(abbrev: Abbrev) -> bool:
    forms = {attribute: form for attribute, form, _ in abbrev.attributes}
    place = forms.get(c.DW_AT_location)
    return (
        place in (c.DW_FORM_exprloc, c.DW_FORM_block1)
        or c.DW_AT_const_value in forms
        or c.DW_AT_declaration in forms
    )


def _variable(unit: Unit, offset: int) -> tuple[int, int] | None:
    """(hash of the name, flags) of a variable that is not a function's own."""
    die = read_die(unit, offset)
    block = die.block(c.DW_AT_location)
    static = block is not None and len(block) > 0 and block[0] in _STATIC
    if not static and c.DW_AT_const_value not in die and not die.flag(c.DW_AT_declaration):
        return None
    flags = DECLARATION if die.flag(c.DW_AT_declaration) else 0
    return crc32(bare_name(die).encode("utf-8", "surrogateescape")), flags
