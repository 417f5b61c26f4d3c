"""The few shapes that all views are laid out in: facts, tables, headings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from unidbg.render import cells

Justify = Literal["left", "right"]

BLANK = Text()
"""An empty line."""


def facts(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    """Names at the left, values at the right."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style=cells.DIM, no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(Text(label), value)
    return grid


def table(columns: Sequence[str], rows: Iterable[Sequence[RenderableType]]) -> Table:
    """A table without rules. A title that starts with `>` justifies right, with `!` keeps from wrapping."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=cells.HEAD, show_edge=False)
    for title in columns:
        justify: Justify = "right" if ">" in title[:2] else "left"
        made.add_column(
            Text(title.lstrip(">!")),
            justify=justify,
            no_wrap="!" in title[:2],
            overflow="fold",
            vertical="top",
        )
    for row in rows:
        made.add_row(*row)
    return made


def gutter(sections: Iterable[tuple[str, Sequence[RenderableType]]]) -> Table:
    """Sections below each other, their titles in a column at the left."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style=cells.HEAD, no_wrap=True)
    grid.add_column(overflow="fold")
    for title, parts in sections:
        grid.add_row(Text(title), Group(*parts))
    return grid


def flow(items: Iterable[Text], width: int, *, head: str = "", separator: str = "  ") -> Text:
    """Texts one after the other; a line ends between two of them rather than inside one."""
    indent = " " * len(head)
    lines = [Text(head)]
    for item in items:
        if not item.plain:
            continue
        gap = "" if lines[-1].plain in (head, indent) else separator
        if gap and lines[-1].cell_len + len(gap) + item.cell_len > width:
            lines.append(Text(indent))
            gap = ""
        lines[-1] = Text.assemble(lines[-1], gap, item)
    return Text("\n").join(lines)


def unfolded(line: Text) -> Text:
    """A line of output as long as it is, for those who search or copy it: the terminal may fold it."""
    line.no_wrap, line.overflow = True, "ignore"
    return line


def sequence(items: Iterable[Text], separator: str = "  ") -> Text:
    """Texts in one line, without the empty ones."""
    return Text(separator).join([item for item in items if item.plain])
