"""Sorting a table by a column, and the letter that does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unidbg_tui.cells import Column, Row

TAKEN_LETTERS = frozenset("GNY")
"""Capitals that mean something else everywhere: bottom, previous match, copy all."""


@dataclass(frozen=True, slots=True)
class Order:
    """Sorted by the column of index `column`; `None` is the guest's own order."""

    column: int | None = None
    descending: bool = False

    def by(self, column: int) -> Order:
        """Sort by `column`; asked again: the other way round; once more: the guest's own order."""
        if self.column != column:
            return Order(column)
        return Order(column, True) if not self.descending else Order()

    def beside(self, step: int, columns: int) -> Order:
        """The column to the left or right of the present one, in the same direction."""
        if columns == 0:
            return self
        column = (0 if step > 0 else columns - 1) if self.column is None else (self.column + step) % columns
        return Order(column, self.descending)

    def arrange(self, rows: Sequence[Row]) -> list[Row]:
        """The rows in this order; absent values stay last either way."""
        column = self.column
        if column is None:
            return list(rows)
        present = [row for row in rows if row.cells[column].key[0] < 2]
        absent = [row for row in rows if row.cells[column].key[0] == 2]
        return sorted(present, key=lambda row: row.cells[column].key, reverse=self.descending) + absent


def letters(columns: Sequence[Column]) -> list[str | None]:
    """For each column the capital that sorts by it: the first letter of its name that is still free."""
    taken = set(TAKEN_LETTERS)
    found: list[str | None] = []
    for column in columns:
        letter = next((c for c in column.name.upper() if c.isalpha() and c not in taken), None)
        if letter is not None:
            taken.add(letter)
        found.append(letter)
    return found
