"""Widths of the columns of a table: as wide as what they hold, the growing one takes the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from unidbg_tui.cells import Row, Table
from unidbg_tui.fit import width_of

GUTTER = 2
"""Cells at the left for the mark of a change."""
GAP = 2
LEAST_BAR = 12


@dataclass(frozen=True, slots=True)
class Placed:
    """A column at `x` (cells from the left edge), `width` cells wide."""

    x: int
    width: int


def place_columns(table: Table, rows: Sequence[Row], width: int) -> list[Placed]:
    """Where each column of `table` stands in a widget `width` cells wide."""
    widths = [_natural(table, rows, index) for index in range(len(table.columns))]
    spare = width - GUTTER - sum(widths) - GAP * max(0, len(widths) - 1)
    for index, column in enumerate(table.columns):
        if column.grow and spare > 0:
            widths[index] += spare
            break
    placed: list[Placed] = []
    x = GUTTER
    for cells in widths:
        placed.append(Placed(x, cells))
        x += cells + GAP
    return placed


def _natural(table: Table, rows: Sequence[Row], index: int) -> int:
    column = table.columns[index]
    header = cell_len(column.name) + 2 if column.name else 0
    if column.bar:
        return max(header, LEAST_BAR)
    return max(header, max((width_of(row.cells[index].line) for row in rows), default=0))
