"""All debug sections of one image, and what its units share: abbreviations, strings, addresses."""

from __future__ import annotations

import os
from bisect import bisect_right
from struct import error as struct_error

from unidbg_symbols.cache_folder import cache_folder
from unidbg_symbols.damage import damaged, parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.abbrev import AbbrevTable
from unidbg_symbols.dwarf.unit import parse_units
from unidbg_symbols.dwarf.window import Window
from unidbg_symbols.elf.header import SHF_COMPRESSED, SHT_NOBITS
from unidbg_symbols.errors import SymbolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final, Literal

    from unidbg_symbols.dwarf.abbrev import Abbrev
    from unidbg_symbols.dwarf.address_map import AddressMap
    from unidbg_symbols.dwarf.call_sites import CallSite
    from unidbg_symbols.dwarf.code_map import CodeMap
    from unidbg_symbols.dwarf.line_header import LineHeader
    from unidbg_symbols.dwarf.lines import LineTable
    from unidbg_symbols.dwarf.scopes import ScopeMap
    from unidbg_symbols.dwarf.split import Slices, SplitUnits
    from unidbg_symbols.dwarf.unit import Unit
    from unidbg_symbols.elf.file import ElfFile
    from unidbg_symbols.elf.header import Section
    from unidbg_symbols.index_file import NameIndex

_VERSIONS = range(2, 6)


class Dwarf:
    """The DWARF of one file. Sections are read, and units found, when they are first needed."""

    def __init__(
        self, elf: ElfFile, suffix: str = "", main: Dwarf | None = None, slices: Slices | None = None
    ) -> None:
        self.elf: Final = elf
        self.main: Final = main or self  # the image's, where this is a split file's
        self._slices = slices or {}
        self.path: Final = elf.path
        self.order: Final = elf.header.order
        self.byteorder: Final[Literal["little", "big"]] = "little" if self.order == "<" else "big"
        self._suffix = suffix  # ".dwo" for the sections of a split file
        self._sections: dict[str, bytes] = {}
        self._units: dict[str, list[Unit]] = {}
        self._starts: dict[str, list[int]] = {}
        self._abbrevs: dict[tuple[int, int, int, int], AbbrevTable] = {}
        self._compiled: dict[tuple[int, int, int], dict[bytes, Abbrev]] = {}
        self._abbrev_starts: list[int] | None = None
        self._signatures: dict[int, Unit] | None = None
        self._index: NameIndex | None = None
        self._index_sought = False
        self._windows: dict[str, Window] = {}
        self._narrow: Window | None = None
        self._split: SplitUnits | None = None
        self._supplement: Dwarf | None = None
        self._supplement_sought = False
        self.known: set[tuple[str, int]] = set()  # (section, offset) of DIEs that are certain to start there
        self.line_headers: dict[tuple[int, str], LineHeader] = {}
        self.line_tables: dict[tuple[str, int], LineTable] = {}
        self.code_maps: dict[int, CodeMap] = {}
        self.scope_maps: dict[tuple[str, int], ScopeMap] = {}
        self.call_sites: dict[tuple[int, int], tuple[CallSite, ...]] = {}
        self._address_map: AddressMap | None = None

    def data(self, name: str) -> bytes:
        """A section's bytes, decompressed and relocated; empty where the image has none."""
        found = self._sections.get(name)
        if found is None:
            section = self.elf.section(name + self._suffix)
            found = b"" if section is None else self.elf.contents(section)
            if name in self._slices:
                start, size = self._slices[name]
                found = found[start : start + size]
            self._sections[name] = found
        return found

    def plain_section(self, name: str) -> Section | None:
        """A section whose bytes stand in the file as they are: neither compressed nor to be relocated."""
        section = self.elf.section(name + self._suffix)
        if section is None or self.elf.header.elf_type == "rel" or section.flags & SHF_COMPRESSED:
            return None
        if section.name.startswith(".z") or section.type == SHT_NOBITS:
            return None
        return section if section.offset + section.size <= self.elf.size else None

    def units(self, section: str = ".debug_info") -> list[Unit]:
        """The units of .debug_info or .debug_types, in their order."""
        found = self._units.get(section)
        if found is None:
            with parsing(section, self.path):
                found = self._units[section] = parse_units(self, section, self.data(section))
            self._starts[section] = [unit.offset for unit in found]
        return found

    def all_units(self) -> list[Unit]:
        """Units of both sections."""
        return self.units() + self.units(".debug_types")

    @property
    def index(self) -> NameIndex | None:
        """The index of an earlier run, None where there is none."""
        if not self._index_sought and self.main is self:
            self._index_sought = True
            if os.path.isdir(cache_folder()):
                from unidbg_symbols.index_file import open_index

                self._index = open_index(self.elf)
        return self._index

    def forget_index(self) -> None:
        """Do without the index from now on: it does not fit the image."""
        if self._index is not None:
            self._index.forget()
        self._index = None
        self.known.clear()

    def unit_at(self, offset: int, section: str = ".debug_info") -> Unit:
        """The unit that contains a section offset; LookupError where there is none."""
        if self._index is not None and section not in self._units:
            window = self._windows.get(section)
            if window is None:
                window = self._windows[section] = Window(self, section, self._index.unit_offsets[section])
            return window.unit_at(offset)
        units = self.units(section)
        number = bisect_right(self._starts[section], offset) - 1
        if number < 0 or offset >= units[number].end:
            raise LookupError(f"no unit at {offset:#x} of {section}")
        return units[number]

    def unit_starting(self, offset: int) -> Unit | None:
        """The unit of .debug_info that starts at an offset, None where there is none; others stay unread."""
        section = ".debug_info"
        if section in self._units or self.plain_section(section) is None:
            units = self.units(section)
            number = bisect_right(self._starts[section], offset) - 1
            return units[number] if number >= 0 and units[number].offset == offset else None
        if self._narrow is None:
            self._narrow = Window(self, section, ())
        try:
            unit = self._narrow.starting(offset)
        except (LookupError, SymbolError, struct_error):
            return None
        return unit if unit.version in _VERSIONS and unit.end > unit.first else None

    def unit_of_signature(self, signature: int) -> Unit | None:
        """The type unit of a DW_FORM_ref_sig8."""
        if self._signatures is None:
            self._signatures = {}
            for unit in self.all_units():
                if unit.is_type_unit and unit.signature is not None:
                    self._signatures.setdefault(unit.signature, unit)
        found = self._signatures.get(signature)
        if found is None and self.main is not self:
            return self.main.split.type_unit(signature)
        return found

    @property
    def split(self) -> SplitUnits:
        """The units whose contents are in other files."""
        if self._split is None:
            from unidbg_symbols.dwarf.split import SplitUnits

            self._split = SplitUnits(self)
        return self._split

    @property
    def missing(self) -> list[str]:
        """Files with split units that were looked for and are not there."""
        return self._split.missing if self._split is not None else []

    def whole(self, unit: Unit) -> Unit:
        """A unit, or the one with the contents that it stands for."""
        if unit.kind != c.DW_UT_skeleton and c.DW_AT_GNU_dwo_name not in unit.root:
            return unit
        return self.split.whole(unit)

    @property
    def supplement(self) -> Dwarf | None:
        """What dwz moved into a file that several images share; None where there is none to be had."""
        if not self._supplement_sought:
            self._supplement_sought = True
            from unidbg_symbols.dwarf.supplement import has_supplement, open_supplement

            if has_supplement(self.elf):
                with parsing("the link to the supplementary file", self.path):
                    other = open_supplement(self.elf)
                self._supplement = Dwarf(other, main=self) if other is not None else None
        return self._supplement

    def elsewhere(self) -> Iterator[Dwarf]:
        """The DWARF of other files that belongs to this one."""
        if self.main is not self or (self._index is not None and self._index.complete):
            return
        from unidbg_symbols.dwarf.split import has_split_units

        if self.supplement is not None:
            yield self.supplement
        if has_split_units(self):
            yield from self.split.dwarfs()

    @property
    def address_map(self) -> AddressMap:
        """Units by address."""
        if self.main is not self:
            return self.main.address_map
        if self._address_map is None:
            from unidbg_symbols.dwarf.address_map import AddressMap

            self._address_map = AddressMap(self)
        return self._address_map

    def abbrev_table(self, unit: Unit) -> AbbrevTable:
        """The table of a unit; units with the same table and the same sizes share it."""
        if unit.version not in _VERSIONS or unit.address_size not in (2, 4, 8):
            detail = f"version {unit.version}, addresses of {unit.address_size} bytes"
            raise damaged(f"the unit at {unit.offset:#x} of {unit.section}", detail, path=self.path)
        key = (unit.abbrev_offset, unit.address_size, unit.offset_size, 2 if unit.version == 2 else 3)
        table = self._abbrevs.get(key)
        if table is None:
            end = self._end_of_abbrevs(unit.abbrev_offset)
            compiled = self._compiled.setdefault(key[1:], {})
            table = AbbrevTable(self.data(".debug_abbrev"), unit.abbrev_offset, end, unit, compiled)
            self._abbrevs[key] = table
        return table

    def _end_of_abbrevs(self, start: int) -> int:
        """Where the table after this one starts: a search must not wander into it."""
        starts = self._index.abbrev_starts if self._index is not None else self._abbrev_starts
        if starts is None and self._narrow is not None and not self._units:
            return len(self.data(".debug_abbrev"))
        if starts is None:
            starts = self._abbrev_starts = sorted({unit.abbrev_offset for unit in self.all_units()})
        number = bisect_right(starts, start)
        if number < len(starts):
            return starts[number]
        return len(self.data(".debug_abbrev"))

    def string(self, offset: int, section: str = ".debug_str") -> str:
        """The text at an offset of a string section."""
        data = self.data(section)
        end = data.find(b"\0", offset)
        if end < 0:
            raise damaged(section, f"no string at {offset:#x}", path=self.path)
        return data[offset:end].decode("utf-8", "backslashreplace")

    def indexed_string(self, unit: Unit, index: int) -> str:
        """The text of DW_FORM_strx: by way of .debug_str_offsets."""
        return self.string(self.string_offset(unit, index))

    def string_offset(self, unit: Unit, index: int) -> int:
        """The .debug_str offset that an index of this unit means."""
        default = 0 if unit.version < 5 else 2 * unit.offset_size
        base = unit.base(c.DW_AT_str_offsets_base, default)
        at = base + index * unit.offset_size
        unpack = unit.u32 if unit.offset_size == 4 else unit.u64
        return int(unpack(self.data(".debug_str_offsets"), at)[0])

    def indexed_address(self, unit: Unit, index: int) -> int:
        """The address of DW_FORM_addrx: by way of .debug_addr."""
        home = unit.skeleton or unit
        base = home.base(c.DW_AT_addr_base) or home.base(c.DW_AT_GNU_addr_base)
        if not base and unit.version >= 5:
            base = 2 * unit.offset_size
        at = base + index * unit.address_size
        unpack = unit.u64 if unit.address_size == 8 else unit.u32
        return int(unpack(self.main.data(".debug_addr"), at)[0])
