"""Split debug information: types, variables and scopes in .dwo files, or all of them in one .dwp.

A skeleton unit in the image names its .dwo file and the id of the unit in it. Addresses and line programs
stay in the image (DWARF 5, section 7.3.2; GNU's form of it in DWARF 4). A package (.dwp) has the sections of
many .dwo files joined; its index tells which part belongs to which unit (section 7.3.5), so each unit is read
as if it were a file of its own.
"""

from __future__ import annotations

import os
from struct import Struct

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.elf.file import ElfFile
from unidbg_symbols.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.unit import Unit

    Slices = dict[str, tuple[int, int]]

_GNU_DWO_NAME = b"\xb0\x42"  # DW_AT_GNU_dwo_name in an abbreviation
# The columns of a package's index (DWARF 5, table 7.1; GNU's before it)
_COLUMNS_5 = {
    1: ".debug_info", 3: ".debug_abbrev", 4: ".debug_line", 5: ".debug_loclists", 6: ".debug_str_offsets",
    8: ".debug_rnglists",
}  # fmt: skip
_COLUMNS_GNU = {
    1: ".debug_info", 2: ".debug_types", 3: ".debug_abbrev", 4: ".debug_line", 5: ".debug_loc",
    6: ".debug_str_offsets",
}  # fmt: skip
_MOST_UNITS = 1 << 20


class SplitUnits:
    """The split units of an image, opened as they are needed; `missing` are files that are not there."""

    def __init__(self, main: Dwarf) -> None:
        self._main = main
        self._found: dict[int, Unit | None] = {}
        self._package: _Package | None = None
        self._package_sought = False
        self._type_units: dict[int, Dwarf] = {}
        self.missing: list[str] = []
        self.skeletons = _skeletons(main)

    def whole(self, skeleton: Unit) -> Unit:
        """The unit with the contents that a skeleton stands for; the skeleton where it is not to be had."""
        if skeleton.offset not in self._found:
            self._found[skeleton.offset] = self._open(skeleton)
        return self._found[skeleton.offset] or skeleton

    def dwarfs(self) -> Iterator[Dwarf]:
        """The DWARF of each split unit that is there."""
        for skeleton in self.skeletons:
            unit = self.whole(skeleton)
            if unit is not skeleton:
                yield unit.dwarf

    def _open(self, skeleton: Unit) -> Unit | None:
        identity = _identity(skeleton)
        for elf, slices in self._candidates(skeleton, identity):
            from unidbg_symbols.dwarf.context import Dwarf

            dwarf = Dwarf(elf, ".dwo", main=self._main, slices=slices)
            for unit in dwarf.units():
                if not unit.is_type_unit and _identity(unit) == identity:
                    for each in dwarf.all_units():
                        each.skeleton = skeleton
                    return unit
        self.missing.append(_file_name(skeleton))
        return None

    def type_unit(self, signature: int) -> Unit | None:
        """A type unit of the package."""
        package = self._open_package()
        if package is None or signature not in package.types:
            return None
        dwarf = self._type_units.get(signature)
        if dwarf is None:
            from unidbg_symbols.dwarf.context import Dwarf

            slices = package.types[signature]
            dwarf = self._type_units[signature] = Dwarf(package.elf, ".dwo", main=self._main, slices=slices)
        return next((unit for unit in dwarf.all_units() if unit.signature == signature), None)

    def _open_package(self) -> _Package | None:
        if not self._package_sought:
            self._package_sought = True
            self._package = _open_package(self._main.path + ".dwp")
        return self._package

    def _candidates(self, skeleton: Unit, identity: int) -> Iterator[tuple[ElfFile, Slices | None]]:
        """(file, the parts of its sections that belong to the unit; None: all)."""
        package = self._open_package()
        if package is not None and identity in package.units:
            yield package.elf, package.units[identity]
        for path in _paths(skeleton, os.path.dirname(self._main.path)):
            if os.path.isfile(path):
                try:
                    yield ElfFile(path), None
                except ImageError:
                    continue


class _Package:
    """A .dwp: which parts of its sections belong to a unit, by the unit's id or the type's signature."""

    def __init__(self, elf: ElfFile) -> None:
        self.elf: Final = elf
        self.units: Final = _index_of(elf, ".debug_cu_index")
        self.types: Final = _index_of(elf, ".debug_tu_index")


def has_split_units(dwarf: Dwarf) -> bool:
    """True where some unit of an image may have its contents elsewhere."""
    if any(unit.kind == c.DW_UT_skeleton for unit in dwarf.units()):
        return True
    return _GNU_DWO_NAME in dwarf.data(".debug_abbrev")


def _skeletons(dwarf: Dwarf) -> list[Unit]:
    return [unit for unit in dwarf.units() if _file_name(unit)]


def _file_name(unit: Unit) -> str:
    return unit.root.text(c.DW_AT_dwo_name) or unit.root.text(c.DW_AT_GNU_dwo_name)


def _identity(unit: Unit) -> int:
    if unit.version >= 5:
        return unit.signature or 0
    return unit.root.uint(c.DW_AT_GNU_dwo_id)


def _paths(skeleton: Unit, folder: str) -> Iterator[str]:
    """Where the compiler put the file, and beside the image."""
    name = _file_name(skeleton)
    yield os.path.join(skeleton.root.text(c.DW_AT_comp_dir), name)
    yield os.path.join(folder, name)
    yield os.path.join(folder, os.path.basename(name))


def _open_package(path: str) -> _Package | None:
    if not os.path.isfile(path):
        return None
    try:
        return _Package(ElfFile(path))
    except ImageError:
        return None


def _index_of(elf: ElfFile, name: str) -> dict[int, Slices]:
    section = elf.section(name)
    if section is None or not section.size:
        return {}
    with parsing(name, elf.path):
        return parse_index(elf.contents(section), elf.header.order)


def parse_index(data: bytes, order: str) -> dict[int, Slices]:
    """Unit id to {section: (offset, size)} from .debug_cu_index or .debug_tu_index."""
    u32, u64 = Struct(order + "I").unpack_from, Struct(order + "Q").unpack_from
    version = Struct(order + "H").unpack_from(data)[0]
    columns, units, slots = (u32(data, at)[0] for at in (4, 8, 12))
    if units > _MOST_UNITS or 16 + slots * 12 + columns * (units * 8 + 4) > len(data):
        raise LookupError(f"{units} units in {len(data)} bytes")
    names = _COLUMNS_5 if version == 5 else _COLUMNS_GNU
    heads = 16 + slots * 12
    sections = [names.get(u32(data, heads + 4 * number)[0], "") for number in range(columns)]
    offsets, sizes = heads + 4 * columns, heads + 4 * columns * (units + 1)
    found: dict[int, Slices] = {}
    for slot in range(slots):
        row = u32(data, 16 + slots * 8 + slot * 4)[0]
        if 0 < row <= units:
            start = 4 * columns * (row - 1)
            found[u64(data, 16 + slot * 8)[0]] = {
                name: (u32(data, offsets + start + 4 * n)[0], u32(data, sizes + start + 4 * n)[0])
                for n, name in enumerate(sections)
                if name
            }
    return found
