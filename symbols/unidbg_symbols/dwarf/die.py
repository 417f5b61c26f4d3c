"""One DIE with its attributes, for the few that are looked at closely."""

from __future__ import annotations

from unidbg_symbols.damage import damaged, parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.forms import read_form
from unidbg_symbols.dwarf.leb import uleb
from unidbg_symbols.dwarf.skim import siblings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from unidbg_symbols.dwarf.abbrev import Abbrev
    from unidbg_symbols.dwarf.forms import Value
    from unidbg_symbols.dwarf.unit import Unit

_STRING_INDEXES = frozenset(
    {
        c.DW_FORM_strx,
        c.DW_FORM_strx1,
        c.DW_FORM_strx2,
        c.DW_FORM_strx3,
        c.DW_FORM_strx4,
        c.DW_FORM_GNU_str_index,
    }
)
_ADDRESS_INDEXES = frozenset(
    {
        c.DW_FORM_addrx, c.DW_FORM_addrx1, c.DW_FORM_addrx2, c.DW_FORM_addrx3, c.DW_FORM_addrx4,
        c.DW_FORM_GNU_addr_index,
    }
)  # fmt: skip
_LOCAL_REFERENCES = frozenset(
    {
        c.DW_FORM_ref1, c.DW_FORM_ref2, c.DW_FORM_ref4, c.DW_FORM_ref8, c.DW_FORM_ref_udata,
    }
)  # fmt: skip
_SUPPLEMENT_REFERENCES = frozenset({c.DW_FORM_GNU_ref_alt, c.DW_FORM_ref_sup4, c.DW_FORM_ref_sup8})
_SUPPLEMENT_STRINGS = frozenset({c.DW_FORM_GNU_strp_alt, c.DW_FORM_strp_sup})
_MOST_ORIGINS = 16
_LARGEST = 1 << 56


class Die:
    """A debugging information entry: `attributes` maps attribute to (form, value as in the file)."""

    __slots__ = ("attributes", "end", "has_children", "offset", "tag", "unit")

    def __init__(
        self, unit: Unit, offset: int, abbrev: Abbrev, end: int, attributes: dict[int, tuple[int, Value]]
    ) -> None:
        self.unit: Final = unit
        self.offset: Final = offset
        self.tag: Final = abbrev.tag
        self.has_children: Final = abbrev.has_children
        self.end: Final = end
        self.attributes: Final = attributes

    def __repr__(self) -> str:
        return f"Die({self.unit.section}+{self.offset:#x}, tag {self.tag:#x}, {self.name!r})"

    def __contains__(self, attribute: int) -> bool:
        return attribute in self.attributes

    @property
    def name(self) -> str:
        """DW_AT_name, empty where there is none."""
        return self.text(c.DW_AT_name)

    def text(self, attribute: int) -> str:
        """A string attribute, empty where there is none."""
        form, value = self.attributes.get(attribute, (0, b""))
        if isinstance(value, bytes):
            return value.decode("utf-8", "backslashreplace")
        with parsing(".debug_str", self.unit.dwarf.path):
            if form in _STRING_INDEXES:
                return self.unit.dwarf.indexed_string(self.unit, value)
            return self._text_at(form, value)

    def _text_at(self, form: int, offset: int) -> str:
        if form == c.DW_FORM_line_strp:
            return self.unit.dwarf.string(offset, ".debug_line_str")
        if form == c.DW_FORM_strp:
            return self.unit.dwarf.string(offset)
        supplement = self.unit.dwarf.supplement
        if form in _SUPPLEMENT_STRINGS and supplement is not None:
            return supplement.string(offset)
        return ""  # a string of a file that is not there

    def uint(self, attribute: int, default: int = 0) -> int:
        """An integer attribute; `default` where there is none or it is no number."""
        value = self.attributes.get(attribute, (0, default))[1]
        return value if isinstance(value, int) else default

    def size(self, attribute: int, default: int = 0) -> int:
        """A number of bytes or bits, or an offset; ImageError where it is negative, or larger than memory."""
        value = self.uint(attribute, default)
        if not 0 <= value <= _LARGEST:
            what = f"{self.name or 'a type'} at {self.offset:#x} of {self.unit.section}"
            raise damaged(what, f"a size or place of {value}", path=self.unit.dwarf.path)
        return value

    def flag(self, attribute: int) -> bool:
        """A flag."""
        return bool(self.attributes.get(attribute, (0, 0))[1])

    def block(self, attribute: int) -> bytes | None:
        """A block or DWARF expression; None where there is none or it has another class."""
        form, value = self.attributes.get(attribute, (0, 0))
        return value if isinstance(value, bytes) and form != c.DW_FORM_string else None

    def address(self, attribute: int) -> int | None:
        """An attribute of class address."""
        form, value = self.attributes.get(attribute, (0, b""))
        if not isinstance(value, int):
            return None
        if form in _ADDRESS_INDEXES:
            with parsing(".debug_addr", self.unit.dwarf.path):
                return self.unit.dwarf.indexed_address(self.unit, value)
        return value

    def form(self, attribute: int) -> int:
        """The form of an attribute, 0 where there is none."""
        return self.attributes.get(attribute, (0, 0))[0]

    def reference(self, attribute: int) -> tuple[Unit, int] | None:
        """(unit, offset) of the DIE that an attribute refers to; None where it is not to be had."""
        form, value = self.attributes.get(attribute, (0, b""))
        if not isinstance(value, int):
            return None
        if form in _LOCAL_REFERENCES:
            return self.unit, value
        if form == c.DW_FORM_ref_addr:
            return self.unit.dwarf.unit_at(value), value
        if form in _SUPPLEMENT_REFERENCES:
            supplement = self.unit.dwarf.supplement
            return (supplement.unit_at(value), value) if supplement is not None else None
        if form == c.DW_FORM_ref_sig8:
            unit = self.unit.dwarf.unit_of_signature(value)
            return None if unit is None else (unit, unit.type_offset)
        return None

    def referred(self, attribute: int) -> Die | None:
        """The DIE that an attribute refers to."""
        with parsing(f"a reference at {self.offset:#x} of {self.unit.section}", self.unit.dwarf.path):
            target = self.reference(attribute)
            return None if target is None else read_die(*target)

    def children(self) -> Iterator[Die]:
        """The DIEs one level below."""
        if not self.has_children:
            return
        with parsing(self.unit.section, self.unit.dwarf.path):
            for offset, abbrev, _ in siblings(self.unit, self.end):
                yield _read(self.unit, offset, abbrev)

    def origins(self) -> Iterator[Die]:
        """This DIE, then those that it completes (specification) or is an instance of (abstract origin)."""
        die: Die | None = self
        for _ in range(_MOST_ORIGINS):
            if die is None:
                return
            yield die
            die = die.referred(c.DW_AT_abstract_origin) or die.referred(c.DW_AT_specification)


def read_die(unit: Unit, offset: int) -> Die:
    """The DIE at an offset; ImageError where there is none."""
    with parsing(f"the entry at {offset:#x} of {unit.section}", unit.dwarf.path):
        if not unit.first <= offset < unit.end:
            raise LookupError("outside of its unit")
        code, _ = uleb(unit.data, offset)
        return _read(unit, offset, unit.abbrevs[code])


def _read(unit: Unit, offset: int, abbrev: Abbrev) -> Die:
    data = unit.data
    at = uleb(data, offset)[1]
    attributes: dict[int, tuple[int, Value]] = {}
    for attribute, form, implicit in abbrev.attributes:
        form, value, at = read_form(unit, data, at, form, implicit)
        attributes.setdefault(attribute, (form, value))
    return Die(unit, offset, abbrev, at, attributes)
