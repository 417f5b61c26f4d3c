"""What panes are made of, with no Textual in it: styled text, cells, tables, charts, pages.

Every text that a guest had a hand in goes through `guest`; a `Span` is never read as markup later on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from unidbg.render.escape import escape

Role = Literal[
    "", "dim", "strong", "good", "warn", "bad", "accent",
    "high", "middle", "low", "code", "data", "heap", "stack",
]  # fmt: skip
"""What a text means; the theme gives it a colour."""

SortKey = tuple[int, int | float | str]
"""Absent values sort behind all others (0: a number, 1: a text, 2: absent)."""

ABSENT: SortKey = (2, 0)


@dataclass(frozen=True, slots=True)
class Span:
    """Printable text of one role; `changed` since the snapshot before.

    Text of the guest comes by `guest`; should it ever come past it, nothing unprintable gets in all the same.
    """

    text: str
    role: Role = ""
    changed: bool = False

    def __post_init__(self) -> None:
        if not self.text.isprintable():
            object.__setattr__(self, "text", escape(self.text))


Line = tuple[Span, ...]


def guest(text: str, role: Role = "") -> Span:
    """Text of the guest (or of its image, a peer, a path): made printable by the one function that does."""
    return Span(escape(text), role)


def line(*items: Span | str) -> Line:
    """A line of spans and of our own plain words."""
    return tuple(item if isinstance(item, Span) else Span(item) for item in items)


def plain(spans: Iterable[Span]) -> str:
    """The text alone."""
    return "".join(span.text for span in spans)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: what it says, what it is sorted and compared by.

    `bar` is where a bar begins and ends, as shares of the column's width.
    """

    line: Line
    key: SortKey
    bar: tuple[float, float] | None = None

    @property
    def text(self) -> str:
        """The text alone."""
        return plain(self.line)


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `grow` takes what width is left over; `bar` draws the cells' bars over that width."""

    name: str
    right: bool = False
    grow: bool = False
    bar: bool = False


def columns(*names: str | Column) -> tuple[Column, ...]:
    """Columns by name: `>name` to the right, `name+` with what width is left over."""
    return tuple(_column(name) if isinstance(name, str) else name for name in names)


def _column(name: str) -> Column:
    return Column(name.strip(">+"), right=name.startswith(">"), grow=name.endswith("+"))


@dataclass(frozen=True, slots=True)
class Row:
    """A row; `key` finds it in the snapshot before. `detail` opens below the table."""

    key: str
    cells: tuple[Cell, ...]
    detail: Table | None = None

    @property
    def text(self) -> str:
        """The row as text, as the filter sees it and `y` copies it."""
        return "  ".join(cell.text for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. `empty` is what is said where there are none."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    empty: str = "none"


@dataclass(frozen=True, slots=True)
class Gauge:
    """How much of a whole: `value` and `mark` (a high-water mark) are shares, 0 to 1."""

    value: float
    mark: float | None = None
    role: Role = "accent"


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what there is to say, with a gauge where it is a share. `key` tells whether it changed."""

    label: str
    line: Line
    key: SortKey = ABSENT
    gauge: Gauge | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A series over time; `unit` turns a value into words."""

    title: str
    values: tuple[float | None, ...]
    now: Line
    peak: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What a pane shows of one view: facts, charts, tables, and lines of text."""

    facts: tuple[Fact, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    lines: tuple[str, ...] | None = None


def text_cell(text: str, role: Role = "") -> Cell:
    """A cell of guest text."""
    return Cell((guest(text, role),), (1, text.casefold()))


def number_cell(value: int | None, text: str | None = None, role: Role = "") -> Cell:
    """A cell sorted by a number; `text` says it in words, `-` where there is none."""
    if value is None:
        return Cell((Span("-", "dim"),), ABSENT)
    return Cell((Span(f"{value:,}" if text is None else text, role),), (0, value))


def line_cell(spans: Line, key: SortKey) -> Cell:
    """A cell of several spans."""
    return Cell(spans, key)


def distinct(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows with keys that are all different: the second of a key becomes `key#2`, and so on."""
    seen: dict[str, int] = {}
    found: list[Row] = []
    for row in rows:
        count = seen[row.key] = seen.get(row.key, 0) + 1
        found.append(row if count == 1 else replace(row, key=f"{row.key}#{count}"))
    return tuple(found)
