"""What the commands over an ELF file show: an index, the addresses of a log, differences of types."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from unidbg.render import cells, units
from unidbg.render.cells import Page
from unidbg.views.base import Location
from unidbg.views.files import IndexView, SymbolizedView, TypeDifference, TypeDiffView

_STYLES = {"added": cells.GOOD, "removed": "red"}


def index(view: IndexView, page: Page) -> Sequence[RenderableType]:
    said = f"{units.plural(view.names, 'name')}, {units.size(view.size_bytes)}"
    return [Text.assemble("wrote ", cells.guest(view.path, cells.HEAD), f" ({said})")]


def symbolized(view: SymbolizedView, page: Page) -> Sequence[RenderableType]:
    """A line for each frame; the log itself is not repeated."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style=cells.DIM, justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for one in view.addresses:
        frames = Text("\n").join(_frame(frame) for frame in one.frames)
        grid.add_row(Text(f"line {one.line}"), cells.address(one.address), frames)
    return [grid] if view.addresses else [Text("no address that the image knows")]


def _frame(frame: Location) -> Text:
    return cells.place(frame)


def type_diff(view: TypeDiffView, page: Page) -> Sequence[RenderableType]:
    head = Text.assemble(cells.guest(view.query, cells.HEAD), " from ", cells.guest(view.before))
    head = Text.assemble(
        head, " to ", cells.guest(view.after), ":" if view.differences else ": no difference"
    )
    grid = Table.grid(padding=(0, 2, 0, 0))
    for fold in (False, True, True):
        grid.add_column(overflow="fold", no_wrap=not fold)
    for one in view.differences:
        name = cells.guest(one.name, cells.SYMBOL) if one.name else Text("(all of it)", style=cells.DIM)
        grid.add_row(cells.guest(f"  {one.what}", _STYLES.get(one.what, cells.WARN)), name, _change(one))
    return [head, grid] if view.differences else [head]


def _change(one: TypeDifference) -> Text:
    if not one.before or not one.after:
        return cells.guest(one.before or one.after)
    return Text.assemble(cells.guest(one.before), (" -> ", cells.DIM), cells.guest(one.after))
