"""Units of .debug_info and .debug_types: headers at once, the rest on demand (DWARF 5, section 7.5.1)."""

from __future__ import annotations

from struct import Struct

from unidbg_symbols.damage import damaged
from unidbg_symbols.dwarf import constants as c

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from unidbg_symbols.dwarf.abbrev import AbbrevTable
    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.die import Die

    Unpack = Callable[[bytes, int], tuple[Any, ...]]

_TYPE_UNITS = frozenset({c.DW_UT_type, c.DW_UT_split_type})
_UNITS_WITH_ID = frozenset({c.DW_UT_skeleton, c.DW_UT_split_compile})
_UNPACK = {order: tuple(Struct(order + kind).unpack_from for kind in "HIQ") for order in "<>"}


class Unit:
    """A unit: offsets are in its section (`data`); `first` is its first DIE, `end` follows its last."""

    __slots__ = (
        "_abbrevs",
        "_base_cache",
        "_root",
        "abbrev_offset",
        "address_size",
        "data",
        "dwarf",
        "end",
        "first",
        "kind",
        "little_endian",
        "offset",
        "offset_size",
        "section",
        "signature",
        "skeleton",
        "type_offset",
        "u16",
        "u32",
        "u64",
        "version",
    )

    def __init__(
        self, dwarf: Dwarf, section: str, data: bytes, offset: int, offset_size: int, end: int
    ) -> None:
        self.dwarf: Final = dwarf
        self.section: Final = section
        self.data: Final = data
        self.offset: Final = offset
        self.offset_size: Final = offset_size
        self.end: Final = end
        self.little_endian: Final = dwarf.order == "<"
        unpack = _UNPACK[dwarf.order]
        self.u16: Final[Unpack] = unpack[0]
        self.u32: Final[Unpack] = unpack[1]
        self.u64: Final[Unpack] = unpack[2]
        self.version = 0
        self.kind = c.DW_UT_compile
        self.address_size = 8
        self.abbrev_offset = 0
        self.signature: int | None = None  # of a type unit; the id that ties skeleton and split unit
        self.skeleton: Unit | None = None  # the unit in the image, of one in a split file
        self.type_offset = 0  # in the section: the DIE of a type unit's type
        self.first = offset
        self._abbrevs: AbbrevTable | None = None
        self._root: Die | None = None
        self._base_cache: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"Unit({self.section}+{self.offset:#x}, version {self.version})"

    @property
    def abbrevs(self) -> AbbrevTable:
        """The abbreviation table, filled as it is used."""
        if self._abbrevs is None:
            self._abbrevs = self.dwarf.abbrev_table(self)
        return self._abbrevs

    @property
    def root(self) -> Die:
        """The unit's own DIE."""
        if self._root is None:
            from unidbg_symbols.dwarf.die import read_die

            self._root = read_die(self, self.first)
        return self._root

    @property
    def language(self) -> int:
        """DW_LANG number, 0 where the producer says none."""
        return self.root.uint(c.DW_AT_language)

    @property
    def is_type_unit(self) -> bool:
        """True for a unit that holds one type, found by its signature."""
        return self.kind in _TYPE_UNITS

    @property
    def low_pc(self) -> int:
        """The base of the unit's addresses."""
        return (self.skeleton or self).root.address(c.DW_AT_low_pc) or 0

    def offset_at(self, at: int) -> int:
        """The section offset stored at `at`."""
        return int((self.u32 if self.offset_size == 4 else self.u64)(self.data, at)[0])

    def base(self, attribute: int, default: int = 0) -> int:
        """A base attribute (DW_AT_str_offsets_base ...) of the unit."""
        found = self._base_cache.get(attribute)
        if found is None:
            found = self._base_cache[attribute] = self.root.uint(attribute, default)
        return found


def parse_units(dwarf: Dwarf, section: str, data: bytes) -> list[Unit]:
    """All units of a section. Padding of zero length is stepped over."""
    units: list[Unit] = []
    at = 0
    total = len(data)
    while at + 11 <= total:
        unit = parse_unit(dwarf, section, data, at)
        if unit.end > unit.first:
            units.append(unit)
        at = unit.end
    return units


def parse_unit(dwarf: Dwarf, section: str, data: bytes, at: int) -> Unit:
    """The unit whose header is at an offset; an empty one is padding."""
    u32, u64 = _UNPACK[dwarf.order][1:]
    length, offset_size, start = u32(data, at)[0], 4, at + 4
    if length == 0xFFFFFFFF:
        length, offset_size, start = u64(data, at + 4)[0], 8, at + 12
    end = start + length
    if end > len(data) or (length >= 0xFFFFFFF0 and offset_size == 4):
        raise damaged(section, f"the unit at {at:#x} reaches past its end", path=dwarf.path)
    unit = Unit(dwarf, section, data, at, offset_size, end)
    if length:
        _parse_header(unit, start)
    else:
        unit.first = end
    return unit


def _parse_header(unit: Unit, at: int) -> None:
    """The fields after the length; a version that we do not know is an error only when the unit is used."""
    data = unit.data
    unit.version = unit.u16(data, at)[0]
    if unit.version >= 5:
        unit.kind, unit.address_size = data[at + 2], data[at + 3]
        unit.abbrev_offset = unit.offset_at(at + 4)
        at += 4 + unit.offset_size
    else:
        unit.abbrev_offset = unit.offset_at(at + 2)
        unit.address_size = data[at + 2 + unit.offset_size]
        at += 3 + unit.offset_size
        if unit.section.startswith(".debug_types"):
            unit.kind = c.DW_UT_type
    if unit.kind in _TYPE_UNITS:
        unit.signature = unit.u64(data, at)[0]
        unit.type_offset = unit.offset + unit.offset_at(at + 8)
        at += 8 + unit.offset_size
    elif unit.kind in _UNITS_WITH_ID:
        unit.signature = unit.u64(data, at)[0]
        at += 8
    unit.first = at
