"""The first page: a headline, a tile per view, the last log lines."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget

from unidbg.render import units
from unidbg.views.base import Absent
from unidbg_tui import fit, paint
from unidbg_tui.cells import Line, Span
from unidbg_tui.history import IF_THERE
from unidbg_tui.messages import ShowView
from unidbg_tui.model import Model, part_of
from unidbg_tui.pages.past import Past
from unidbg_tui.source import Moment
from unidbg_tui.status import headline
from unidbg_tui.tiles import Room, tile_of

ORDER = (
    "memory",
    "heap",
    "loop",
    "net",
    "rings",
    "threads",
    "devices",
    "boot",
    "app",
    "security",
    "cloud",
    "orchestration",
    "runtime",
    "log",
)
"""Tiles, in this order; the log has the foot of the page. Other views have a pane alone."""


LATER = ("cloud", "orchestration", "runtime")
"""Tiles that give way where there are few rows: the others would be of no use any more."""
FEW_ROWS = 30


def tile_names(model: Model, rows: int = 0) -> tuple[str, ...]:
    """The views that get a tile on a screen of so many rows (0: many enough); not what the guest lacks."""
    without = [name for name in IF_THERE if isinstance(model.part(name), Absent | None)]
    without += LATER if 0 < rows < FEW_ROWS else ()
    return tuple(name for name in ORDER if name in model.names and name not in without)


def columns_for(width: int, tiles: int) -> int:
    """Tiles side by side: as many as stay readable; the log is to get two places or a whole row."""
    if width < 50:
        return 1
    if width < 76:
        return 2
    return 4 if width >= 150 and tiles % 4 in (1, 2) else 3


class Headline(Widget):
    """The state of the guest in one line."""

    def __init__(self) -> None:
        super().__init__(id="headline")
        self._model: Model | None = None

    def show(self, model: Model) -> None:
        """Show the state of the snapshot in view."""
        self._model = model
        self.refresh()

    def render(self) -> Content:
        """The line."""
        return paint.content(headline(self._model, self.content_size.width) if self._model else ())


class Tile(Widget, can_focus=True):
    """One view at a glance. Enter or a click opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "open", show=False)]

    def __init__(self, name: str) -> None:
        super().__init__(id=f"tile-{name}", classes="tile")
        self.view_name = name
        self.border_title = Content(name)
        self._model: Model | None = None

    def show(self, model: Model) -> None:
        """Show the view of the snapshot in view."""
        self._model = model
        part = model.part(self.view_name)
        faults = 0 if part is None or isinstance(part, Absent) else len(part.faults)
        self.border_subtitle = paint.content(_flag(faults)) if faults else None
        self.set_class(isinstance(part, Absent), "-absent")
        self.set_class(bool(faults), "-faulty")
        self.refresh()

    def render(self) -> Content:
        """The lines that there is room for, with what changed marked."""
        if self._model is None or self._model.moment is None:
            return Content("")
        after = self._lines(self._model, self._model.moment)
        before = self._model.before
        return paint.lines(fit.mark_changes(self._lines(self._model, before), after) if before else after)

    def _lines(self, model: Model, moment: Moment) -> list[Line]:
        part = part_of(moment, self.view_name)
        if part is None:
            return []
        room = Room(self.content_size.width, self.content_size.height)
        return tile_of(part, Past(model.history, moment.taken_at), room)

    def action_open(self) -> None:
        """Open the pane of this view."""
        self.post_message(ShowView(self.view_name))

    def on_click(self, event: events.Click) -> None:
        """Open the pane of this view."""
        self.action_open()


def _flag(faults: int) -> Line:
    return (Span(units.plural(faults, "fault"), "bad"),)


class Overview(Vertical, can_focus=True):
    """Headline, tiles, log."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "beside(1)", "right", show=False),
        Binding("left,h", "beside(-1)", "left", show=False),
        Binding("down,j", "below(1)", "down", show=False),
        Binding("up,k", "below(-1)", "up", show=False),
    ]

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(id="overview")
        self._names = tuple(name for name in ORDER if name in names)
        self._columns = 3

    def compose(self) -> ComposeResult:
        """A line, a grid of tiles, the log."""
        yield Headline()
        with Container(id="tiles"):
            for name in self._names:
                yield Tile(name)

    def show(self, model: Model) -> None:
        """Show the snapshot in view."""
        self.query_one(Headline).show(model)
        names = tile_names(model, self.app.size.height)
        if names != tuple(tile.view_name for tile in self._tiles()):
            for tile in self.query(Tile):
                tile.display = tile.view_name in names
            self._lay_tiles()
        for tile in self._tiles():
            tile.show(model)

    def _tiles(self) -> list[Tile]:
        return [tile for tile in self.query(Tile) if tile.display]

    def on_resize(self, event: events.Resize) -> None:
        """Lay the tiles anew."""
        self._lay_tiles()

    def _lay_tiles(self) -> None:
        """As many side by side as fit; the last one takes what is left of its row."""
        tiles = self._tiles()
        if not tiles:
            return
        self._columns = columns_for(self.size.width, len(tiles))
        rows = -(-len(tiles) // self._columns)
        grid = self.query_one("#tiles")
        grid.styles.grid_size_columns = self._columns
        grid.styles.grid_size_rows = rows
        for tile in tiles:
            tile.styles.column_span = 1
        tiles[-1].styles.column_span = rows * self._columns - len(tiles) + 1

    def _focus_tile(self, step: int) -> None:
        tiles = self._tiles()
        here = next((n for n, tile in enumerate(tiles) if tile.has_focus), -1)
        tiles[max(0, min(len(tiles) - 1, here + step))].focus()

    def action_beside(self, step: int) -> None:
        """Focus the tile to the left or right."""
        self._focus_tile(step)

    def action_below(self, step: int) -> None:
        """Focus the tile below or above."""
        self._focus_tile(step * self._columns)
