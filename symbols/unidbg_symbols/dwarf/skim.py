"""Walks over DIEs without decoding them: the hot loops of the engine.

A level of DIEs is walked by DW_AT_sibling where the producer wrote it (gcc), else by skimming all that lies
between (clang, rustc).
"""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.leb import uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from unidbg_symbols.dwarf.abbrev import Abbrev
    from unidbg_symbols.dwarf.unit import Unit


def siblings(unit: Unit, at: int) -> Iterator[tuple[int, Abbrev, int]]:
    """Each DIE of one level from `at` on: (offset, abbreviation, offset after its attributes)."""
    data, table, limit = unit.data, unit.abbrevs, unit.end
    base, u32 = unit.offset, unit.u32
    while at < limit:
        code = data[at]
        if code == 0:
            return
        start = at
        if code >= 0x80:
            code, after = uleb(data, at)
            abbrev = table[code]
            at = after - abbrev.lead
        else:
            abbrev = table[code]
        end = at + abbrev.size if abbrev.size >= 0 else abbrev.end(unit, data, at)
        yield start, abbrev, end
        if not abbrev.has_children:
            at = end
        elif abbrev.jump:
            at = base + u32(data, end - abbrev.jump)[0]
            if not end <= at <= limit:
                raise LookupError(f"the sibling at {at:#x} does not follow")
        else:
            at = after_subtree(unit, abbrev, end)


def after_subtree(unit: Unit, abbrev: Abbrev, end: int) -> int:
    """The offset after a DIE with children, whose attributes end at `end`."""
    if abbrev.sibling_back:
        return _sibling(unit, abbrev, end)
    return skip_children(unit, end)


def _sibling(unit: Unit, abbrev: Abbrev, end: int) -> int:
    at = end - abbrev.sibling_back
    form = abbrev.sibling_form
    if form == c.DW_FORM_ref4:
        target = unit.offset + int(unit.u32(unit.data, at)[0])
    elif form == c.DW_FORM_ref8:
        target = unit.offset + int(unit.u64(unit.data, at)[0])
    elif form == c.DW_FORM_ref2:
        target = unit.offset + int(unit.u16(unit.data, at)[0])
    else:
        target = unit.offset + unit.data[at]
    if not end <= target <= unit.end:
        raise LookupError(f"the sibling at {target:#x} does not follow")
    return target


def skip_children(unit: Unit, at: int) -> int:
    """The offset after the null entry that ends the level starting at `at`."""
    data, table, limit = unit.data, unit.abbrevs, unit.end
    depth = 1
    while at < limit:
        code = data[at]
        if code == 0:
            at += 1
            depth -= 1
            if not depth:
                return at
            continue
        if code >= 0x80:
            code, after = uleb(data, at)
            abbrev = table[code]
            at = after - abbrev.lead
        else:
            abbrev = table[code]
        at = at + abbrev.size if abbrev.size >= 0 else abbrev.end(unit, data, at)
        if abbrev.has_children:
            if abbrev.sibling_back:
                at = _sibling(unit, abbrev, at)
            else:
                depth += 1
    return limit


def all_entries(unit: Unit, at: int) -> Iterator[tuple[int, Abbrev, int, int]]:
    """Every DIE of the unit from `at` on, in file order: (offset, abbreviation, end of attributes, depth)."""
    data, table, limit = unit.data, unit.abbrevs, unit.end
    depth = 0
    while at < limit:
        code = data[at]
        if code == 0:
            at += 1
            depth -= 1
            continue
        start = at
        if code >= 0x80:
            code, after = uleb(data, at)
            abbrev = table[code]
            at = after - abbrev.lead
        else:
            abbrev = table[code]
        at = at + abbrev.size if abbrev.size >= 0 else abbrev.end(unit, data, at)
        yield start, abbrev, at, depth
        if abbrev.has_children:
            depth += 1


def path_to(unit: Unit, position: int) -> list[int]:
    """Offsets of the DIEs around a byte position, outermost (below the unit's own DIE) first.

    The last one is the DIE in whose attributes the position lies; empty where it lies in none. One pass.
    """
    data, table, at = unit.data, unit.abbrevs, unit.first
    parents: list[int] = []
    while at <= position:
        code = data[at]
        if code == 0:
            at += 1
            if not parents:
                break
            parents.pop()
            continue
        start = at
        if code >= 0x80:
            code, after = uleb(data, at)
            abbrev = table[code]
            at = after - abbrev.lead
        else:
            abbrev = table[code]
        at = at + abbrev.size if abbrev.size >= 0 else abbrev.end(unit, data, at)
        if position < at:
            return [*parents[1:], start]
        if abbrev.has_children:
            following = _sibling(unit, abbrev, at) if abbrev.sibling_back else unit.end
            if following <= position:
                at = following
            else:
                parents.append(start)
    return []
