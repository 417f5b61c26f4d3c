"""What changed since the snapshot before: found by comparing what is shown, row by row and fact by fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unidbg_tui.cells import Fact, SortKey, Table


@dataclass(frozen=True, slots=True)
class RowChange:
    """How a row changed: `+` new, `▲` grew, `▼` shrank, `•` otherwise; `cells`: indexes of what changed."""

    mark: str
    cells: frozenset[int] = frozenset()


def changed_rows(before: Table | None, after: Table) -> dict[str, RowChange]:
    """The changed rows of `after`, by their key. Nothing is marked where there is no table before."""
    if before is None or before.columns != after.columns:
        return {}
    old = {row.key: row for row in before.rows}
    changes: dict[str, RowChange] = {}
    for row in after.rows:
        known = old.get(row.key)
        if known is None:
            changes[row.key] = RowChange("+")
            continue
        change = _compare([c.key for c in known.cells], [c.key for c in row.cells])
        if change is not None:
            changes[row.key] = change
    return changes


def _compare(before: Sequence[SortKey], after: Sequence[SortKey]) -> RowChange | None:
    pairs = list(zip(before, after, strict=True))
    cells = [index for index, (old, new) in enumerate(pairs) if old != new]
    if not cells:
        return None
    signs = {trend(*pairs[index]) for index in cells}
    return RowChange(signs.pop() if len(signs) == 1 else "•", frozenset(cells))


def trend(before: SortKey, after: SortKey) -> str:
    """`▲` or `▼` for a number that grew or shrank, `•` for any other change, `""` for none."""
    if before == after:
        return ""
    (kind, old), (new_kind, new) = before, after
    if kind == new_kind == 0 and isinstance(old, int | float) and isinstance(new, int | float):
        return "▲" if new > old else "▼"
    return "•"


def changed_facts(before: Sequence[Fact], after: Sequence[Fact]) -> dict[str, str]:
    """The trend of each fact that changed, by its label."""
    old = {fact.label: fact.key for fact in before}
    pairs = ((fact.label, trend(old[fact.label], fact.key)) for fact in after if fact.label in old)
    return {label: mark for label, mark in pairs if mark}
