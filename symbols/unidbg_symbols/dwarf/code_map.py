"""The functions and inlined calls of one unit, by address.

One pass over the unit's DIEs collects those that have code. Each is a node with a parent: an inlined call
hangs off the function, or the other inlined call, into which it was inlined. Their ranges are flattened into
one sorted table, so that an address finds its innermost node by bisection.
"""

from __future__ import annotations

from bisect import bisect_right

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.abbrev import CODE, DESCEND, DESCEND_IN_CXX
from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.leb import uleb
from unidbg_symbols.dwarf.names import elaborated
from unidbg_symbols.dwarf.ranges import die_ranges
from unidbg_symbols.dwarf.skim import after_subtree
from unidbg_symbols.intervals import flatten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from unidbg_symbols.dwarf.abbrev import Abbrev
    from unidbg_symbols.dwarf.unit import Unit

    Found = tuple[int, Abbrev, int]
    """(offset of the DIE, its abbreviation, number of the parent node or -1)"""


class CodeMap:
    """`offsets` and `parents` by node number; a parent of -1 is that of a function of its own."""

    __slots__ = ("_owners", "_starts", "inlined", "offsets", "parents", "unit")

    def __init__(self, unit: Unit) -> None:
        self.unit: Final = unit
        with parsing(f"{unit.section} of {unit.root.name or hex(unit.offset)}", unit.dwarf.path):
            found = list(_collect(unit))
            self._starts, self._owners = flatten(_live_ranges(unit, found))
        self.offsets: Final = [offset for offset, _, _ in found]
        self.parents: Final = [parent for _, _, parent in found]
        self.inlined: Final = bytes(abbrev.tag == c.DW_TAG_inlined_subroutine for _, abbrev, _ in found)

    def innermost(self, address: int) -> int:
        """The number of the innermost node around an address, -1 for none."""
        return self._owners[bisect_right(self._starts, address)]

    def function(self, node: int) -> int:
        """The function into which a node was inlined, or the node itself."""
        while self.inlined[node] and self.parents[node] >= 0:
            node = self.parents[node]
        return node


def code_map(unit: Unit) -> CodeMap:
    """The code of a unit, kept."""
    kept = unit.dwarf.code_maps
    found = kept.get(unit.offset)
    if found is None:
        found = kept[unit.offset] = CodeMap(unit)
    return found


def _collect(unit: Unit) -> Iterator[Found]:
    """Each DIE with code, before those inside it. Types are stepped over where they cannot hold functions."""
    data, table, limit = unit.data, unit.abbrevs, unit.end
    deepest = DESCEND if elaborated(unit) else DESCEND_IN_CXX
    at, node, count = unit.first, -1, 0
    parents: list[int] = []  # the node around each open level
    while at < limit:
        code = data[at]
        if code == 0:
            at += 1
            if not parents:
                return
            node = parents.pop()
            continue
        start = at
        if code >= 0x80:
            code, after = uleb(data, at)
            abbrev = table[code]
            at = after - abbrev.lead
        else:
            abbrev = table[code]
        at = at + abbrev.size if abbrev.size >= 0 else abbrev.end(unit, data, at)
        scope = abbrev.scope
        if scope == CODE:
            yield start, abbrev, node
            if abbrev.has_children:
                parents.append(node)
                node = count
            count += 1
        elif abbrev.has_children:
            if DESCEND <= scope <= deepest:
                parents.append(node)
            else:
                at = after_subtree(unit, abbrev, at)


def _live_ranges(unit: Unit, found: list[Found]) -> list[tuple[int, int, int]]:
    """(start, end, node), sorted for `flatten`; what the linker discarded is left out."""
    is_code = unit.dwarf.address_map.is_code
    ranges: list[tuple[int, int, int]] = []
    for node, (offset, abbrev, _) in enumerate(found):
        for start, end in _ranges(unit, offset, abbrev):
            if is_code(start):
                ranges.append((start, end, node))
    # A node has a higher number than those around it, so it comes after them where ranges are the same.
    ranges.sort(key=lambda each: (each[0], -each[1], each[2]))
    return ranges


def _ranges(unit: Unit, offset: int, abbrev: Abbrev) -> list[tuple[int, int]]:
    if abbrev.pc_at is None:
        return die_ranges(read_die(unit, offset))
    low_at, high_at, width = abbrev.pc_at
    low = int(unit.u64(unit.data, offset + low_at)[0])
    high_at += offset
    return [(low, low + int.from_bytes(unit.data[high_at : high_at + width], unit.dwarf.byteorder))]
