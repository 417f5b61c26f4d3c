"""The namespaces and types of a unit as nested ranges of DIE offsets: which scopes a DIE is in."""

from __future__ import annotations

from bisect import bisect_right

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.die import read_die
from unidbg_symbols.dwarf.skim import all_entries
from unidbg_symbols.intervals import flatten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from unidbg_symbols.dwarf.unit import Unit

_NAMED_SCOPES = frozenset(
    {
        c.DW_TAG_namespace, c.DW_TAG_structure_type, c.DW_TAG_class_type, c.DW_TAG_union_type,
        c.DW_TAG_interface_type, c.DW_TAG_module, c.DW_TAG_enumeration_type,
    }
)  # fmt: skip
_DEEPEST = 256


class ScopeMap:
    """Scopes by DIE offset, and the parent of each."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        with parsing(unit.section, unit.dwarf.path):
            scopes = sorted(_scopes(unit))
        self._starts, self._owners = flatten(
            (start, end, number) for number, (start, end, _) in enumerate(scopes)
        )
        self._heads = [head for _, _, head in scopes]
        self._names: dict[int, list[str]] = {-1: []}

    def names(self, offset: int) -> list[str]:
        """The names of the scopes around a DIE, outermost first."""
        return self._path(self._owner(offset), 0)

    def _owner(self, offset: int) -> int:
        return self._owners[bisect_right(self._starts, offset)]

    def _path(self, scope: int, depth: int) -> list[str]:
        found = self._names.get(scope)
        if found is None:
            head = self._heads[scope]
            outer = self._path(self._owner(head), depth + 1) if depth < _DEEPEST else []
            found = self._names[scope] = [*outer, self._name(head)]
        return found

    def _name(self, head: int) -> str:
        die = read_die(self._unit, head)
        named = next((each.name for each in die.origins() if each.name), "")
        return named or ("(anonymous namespace)" if die.tag == c.DW_TAG_namespace else "(anonymous)")


def scope_map(unit: Unit) -> ScopeMap:
    """The scopes of a unit, kept."""
    kept = unit.dwarf.scope_maps
    key = (unit.section, unit.offset)
    if key not in kept:
        kept[key] = ScopeMap(unit)
    return kept[key]


def _scopes(unit: Unit) -> Iterator[tuple[int, int, int]]:
    """(start of the children, end of the children, offset of the scope's DIE)."""
    open_scopes: list[tuple[int, int, int]] = []  # (depth, start, head)
    for at, abbrev, end, depth in all_entries(unit, unit.first):
        while open_scopes and depth <= open_scopes[-1][0]:
            _, start, head = open_scopes.pop()
            yield start, at, head
        if abbrev.has_children and abbrev.tag in _NAMED_SCOPES:
            open_scopes.append((depth, end, at))
    for _, start, head in open_scopes:
        yield start, unit.end, head
