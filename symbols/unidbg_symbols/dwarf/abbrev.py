"""Abbreviations, compiled: to step over a DIE is one table look-up and one addition.

A table is filled as codes are met. Compilers number abbreviations and end each with two zero bytes, so the
one of a code is found by searching `00 00 code`, without parsing those before it; a table in which that fails
is parsed from its start.
"""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.forms import fixed_size, step_kind, step_over
from unidbg_symbols.dwarf.leb import encode_uleb, sleb, uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from unidbg_symbols.dwarf.unit import Unit

_MOST_ATTRIBUTES = 4096

# What a search for code does with the children of a DIE, and whether the DIE itself is code.
SKIP, DESCEND, DESCEND_IN_CXX, CODE = range(4)
_CODE = frozenset({c.DW_TAG_subprogram, c.DW_TAG_inlined_subroutine})
_SCOPES = {
    c.DW_TAG_compile_unit: DESCEND,
    c.DW_TAG_partial_unit: DESCEND,
    c.DW_TAG_skeleton_unit: DESCEND,
    c.DW_TAG_namespace: DESCEND,
    c.DW_TAG_module: DESCEND,
    c.DW_TAG_lexical_block: DESCEND,
    c.DW_TAG_try_block: DESCEND,
    c.DW_TAG_catch_block: DESCEND,
    c.DW_TAG_structure_type: DESCEND_IN_CXX,
    c.DW_TAG_class_type: DESCEND_IN_CXX,
    c.DW_TAG_union_type: DESCEND_IN_CXX,
    c.DW_TAG_enumeration_type: DESCEND_IN_CXX,
}
_LENGTHS = {c.DW_FORM_data1: 1, c.DW_FORM_data2: 2, c.DW_FORM_data4: 4, c.DW_FORM_data8: 8}


class Abbrev:
    """What all DIEs of one code share. Distances are bytes from the start of the DIE."""

    __slots__ = (
        "attributes",
        "has_children",
        "jump",
        "lead",
        "name_at",
        "name_form",
        "pc_at",
        "scope",
        "sibling_back",
        "sibling_form",
        "size",
        "steps",
        "tag",
    )

    def __init__(
        self,
        code: int,
        tag: int,
        has_children: bool,
        attributes: tuple[tuple[int, int, int], ...],
        unit: Unit,
    ) -> None:
        self.tag: Final = tag
        self.has_children: Final = has_children
        self.attributes: Final = attributes  # (attribute, form, implicit constant)
        self.lead: Final = len(encode_uleb(code))
        self.size = 0  # of the whole DIE; -1 when it varies, then `steps` leads over it
        self.steps: tuple[tuple[int, int], ...] = ()
        self.name_at = -1  # -1: no name, or behind a value that varies in size
        self.name_form = 0
        self.sibling_back = 0  # bytes from the sibling reference to the end of the DIE; 0: none
        self.sibling_form = 0
        self.pc_at: tuple[int, int, int] | None = None  # of a plain low and high pc: see `_find_pcs`
        self.scope = _SCOPES.get(tag, SKIP) if has_children else SKIP
        self.jump = 0  # `sibling_back` where the reference has the usual form, 4 bytes
        self._compile(unit)

    def _compile(self, unit: Unit) -> None:
        at = self.lead
        varies = False
        since_sibling = 0
        steps: list[tuple[int, int]] = []
        for attribute, form, _ in self.attributes:
            size = fixed_size(form, unit)
            if attribute == c.DW_AT_name:
                self.name_form = form
                self.name_at = -1 if varies else at
            elif attribute == c.DW_AT_sibling and form in _SIBLING_FORMS:
                self.sibling_form, since_sibling = form, 0
            if size is None:
                steps.append((at, step_kind(form)))
                at, varies, self.sibling_form = 0, True, 0
            else:
                at += size
                since_sibling += size
        self.size = -1 if varies else at
        if varies:
            self.steps = (*steps, (at, 0))
        self.sibling_back = since_sibling if self.sibling_form else 0
        self.jump = self.sibling_back if self.sibling_form == c.DW_FORM_ref4 else 0

        if self.tag in _CODE:
            self._find_pcs(unit)

    def _find_pcs(self, unit: Unit) -> None:
        """Mark the entries that have code; remember where an 8-byte low pc and its length stand."""
        if any(attribute in (c.DW_AT_ranges, c.DW_AT_low_pc) for attribute, _, _ in self.attributes):
            self.scope = CODE
        at, places = self.lead, {}
        for attribute, form, _ in self.attributes:
            places[attribute] = (at, form)
            size = fixed_size(form, unit)
            if size is None:
                break
            at += size
        low, high = places.get(c.DW_AT_low_pc), places.get(c.DW_AT_high_pc)
        if low and high and low[1] == c.DW_FORM_addr and unit.address_size == 8 and high[1] in _LENGTHS:
            self.pc_at = low[0], high[0], _LENGTHS[high[1]]

    def end(self, unit: Unit, data: bytes, at: int) -> int:
        """The offset after the attributes of the DIE at `at`."""
        if self.size >= 0:
            return at + self.size
        for advance, kind in self.steps:
            at += advance
            if kind:
                at = step_over(unit, data, at, kind)
        return at


# A reference that varies in size would have to be parsed to be followed: children are skimmed instead.
_SIBLING_FORMS = frozenset({c.DW_FORM_ref1, c.DW_FORM_ref2, c.DW_FORM_ref4, c.DW_FORM_ref8})


class AbbrevTable(dict[int, Abbrev]):
    """Code to abbreviation; a code that the table does not have raises LookupError."""

    def __init__(self, data: bytes, start: int, end: int, unit: Unit, compiled: dict[bytes, Abbrev]) -> None:
        super().__init__()
        self._compiled = compiled  # of all tables with the same sizes: most units say the same things
        self._data = data
        self._start = start
        self._end = end
        self._unit = unit  # any unit of this table: it tells the sizes of addresses and offsets
        self._complete = False

    def __missing__(self, code: int) -> Abbrev:
        found = self.quick(code)
        if found is None and not self._complete:
            self._parse_all()
            found = self.get(code)
        if found is None:
            raise LookupError(f"abbreviation {code} undefined")
        return found

    def quick(self, code: int) -> Abbrev | None:
        """The abbreviation of a code if a search finds it; for codes that may be none: no parse."""
        found = self.get(code)
        if found is not None or code == 0 or self._complete:
            return found
        data = self._data
        lead = encode_uleb(code)
        if data.startswith(lead, self._start):
            at = self._start
        else:
            at = data.find(b"\0\0" + lead, self._start, self._end) + 2
            if at == 1:
                return None
        # What stands up to the next two zero bytes behind code, tag and children is all of it.
        declaration = data[at : data.find(b"\0\0", at + len(lead) + 2)]
        found = self._compiled.get(declaration)
        if found is None:
            found = self._parse(at)[0]
            if found is not None:
                self._compiled[declaration] = found
        else:
            self[code] = found
        return found

    def _parse(self, at: int) -> tuple[Abbrev | None, int]:
        """(abbreviation, offset after it); None at the end of the table."""
        data = self._data
        code, at = uleb(data, at)
        if code == 0:
            return None, at
        tag, at = uleb(data, at)
        has_children = data[at] != 0
        at += 1
        attributes: list[tuple[int, int, int]] = []
        while len(attributes) < _MOST_ATTRIBUTES:
            attribute, at = uleb(data, at)
            form, at = uleb(data, at)
            constant = 0
            if form == c.DW_FORM_implicit_const:
                constant, at = sleb(data, at)
            if attribute == 0 and form == 0:
                break
            attributes.append((attribute, form, constant))
        abbrev = Abbrev(code, tag, has_children, tuple(attributes), self._unit)
        self.setdefault(code, abbrev)
        return abbrev, at

    def complete(self) -> AbbrevTable:
        """The table with all its abbreviations."""
        if not self._complete:
            self._parse_all()
        return self

    def _parse_all(self) -> None:
        at = self._start
        while True:
            abbrev, at = self._parse(at)
            if abbrev is None:
                break
        self._complete = True
