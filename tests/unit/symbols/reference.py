"""What other tools say of an image: a full walk by pyelftools, binutils and gdb. Slow, and trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from elftools.dwarf.die import DIE
from elftools.dwarf.dwarf_expr import DWARFExprParser
from elftools.elf.elffile import ELFFile

from tests.unit.symbols.builds import run

STRUCTURES = {"DW_TAG_structure_type": "struct", "DW_TAG_union_type": "union", "DW_TAG_class_type": "class"}


@dataclass(frozen=True)
class Layout:
    """A struct or union: (member name, byte offset or None, width of a bit-field)."""

    kind: str
    name: str
    size: int
    members: tuple[tuple[str, int | None, int | None], ...]


def text(die: DIE, name: str) -> str:
    """A string attribute."""
    found = die.attributes.get(name)
    return found.value.decode() if found else ""


def dies(path: Path) -> Iterator[DIE]:
    """Every DIE of .debug_info and .debug_types."""
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        dwarf = elf.get_dwarf_info(relocate_dwarf_sections=elf["e_type"] == "ET_REL")
        for unit in dwarf.iter_CUs():
            yield from unit.iter_DIEs()
        for type_unit in dwarf.iter_TUs() if dwarf.debug_types_sec else ():
            yield from type_unit.iter_DIEs()


def layouts(path: Path) -> Iterator[Layout]:
    """All complete named structs and unions, with repetitions."""
    return layouts_among(dies(path))


def layouts_among(found: Iterable[DIE]) -> Iterator[Layout]:
    for die in found:
        if die.tag in STRUCTURES and "DW_AT_byte_size" in die.attributes and text(die, "DW_AT_name"):
            members = tuple(_member(child) for child in die.iter_children() if child.tag == "DW_TAG_member")
            size = die.attributes["DW_AT_byte_size"].value
            yield Layout(STRUCTURES[die.tag], text(die, "DW_AT_name"), size, members)


def _member(die: DIE) -> tuple[str, int | None, int | None]:
    width = die.attributes.get("DW_AT_bit_size")
    place = die.attributes.get("DW_AT_data_member_location")
    offset: int | None = 0
    if width is not None:
        offset = None
    elif place is not None:
        offset = place.value if isinstance(place.value, int) else _plus(place.value)
    return text(die, "DW_AT_name"), offset, width.value if width else None


def _plus(block: list[int]) -> int:
    assert block[0] == 0x23
    value = 0
    for shift, byte in enumerate(block[1:]):
        value |= (byte & 0x7F) << 7 * shift
    return value


def enumerations(path: Path) -> Iterator[tuple[str, tuple[tuple[str, int], ...]]]:
    """All named enums."""
    return enumerations_among(dies(path))


def enumerations_among(found: Iterable[DIE]) -> Iterator[tuple[str, tuple[tuple[str, int], ...]]]:
    for die in found:
        if die.tag == "DW_TAG_enumeration_type" and text(die, "DW_AT_name"):
            values = tuple(
                (text(child, "DW_AT_name"), child.attributes["DW_AT_const_value"].value)
                for child in die.iter_children()
                if child.tag == "DW_TAG_enumerator"
            )
            if values:
                yield text(die, "DW_AT_name"), values


def static_variables(path: Path) -> Iterator[tuple[str, int]]:
    """(name, address) of all variables that lie at a fixed address."""
    return static_variables_among(dies(path))


def static_variables_among(found: Iterable[DIE]) -> Iterator[tuple[str, int]]:
    for die in found:
        place = die.attributes.get("DW_AT_location")
        if die.tag != "DW_TAG_variable" or place is None or not isinstance(place.value, list):
            continue
        parsed = DWARFExprParser(die.cu.structs).parse_expr(place.value)
        if len(parsed) == 1 and parsed[0].op_name in ("DW_OP_addr", "DW_OP_addrx"):
            value = parsed[0].args[0]
            if parsed[0].op_name == "DW_OP_addrx":
                value = die.dwarfinfo.get_addr(die.cu, value)
            yield _name_of(die), value


def _name_of(die: DIE) -> str:
    while not text(die, "DW_AT_name"):
        for reference in ("DW_AT_specification", "DW_AT_abstract_origin"):
            if reference in die.attributes:
                die = die.get_DIE_from_attribute(reference)
                break
        else:
            return ""
    return text(die, "DW_AT_name")


def addr2line(path: Path, addresses: list[int], *options: str) -> list[list[str]]:
    """Lines of addr2line for each address: function, then file:line, for each inlined frame."""
    asked = "\n".join(map(hex, addresses))
    out = run(["addr2line", "-a", "-f", *options, "-e", str(path)], asked)
    return [block.splitlines() for block in re.split(r"(?m)^0x[0-9a-f]+\n", out)[1:]]


def gdb_places(text: str) -> list[tuple[int, int | None, str]]:
    """(byte, bit, declaration) of the lines of gdb's `ptype /o`."""
    line = re.compile(r"/\*\s*(\d+)(?::\s*(\d+))?\s*\|\s*\d+\s*\*/\s*(.*?;)")
    return [(int(a), int(b) if b else None, c) for a, b, c in line.findall(text)]


def gdb(path: Path, *commands: str) -> str:
    """What gdb prints for commands."""
    arguments = [each for command in commands for each in ("-ex", command)]
    return run(["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off", *arguments, str(path)])
