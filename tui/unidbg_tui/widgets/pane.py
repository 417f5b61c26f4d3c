"""The pane of one view: facts, charts and tables of its page, or the reason why it is absent."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from unidbg.render import units
from unidbg.views.base import Absent, Fault, View
from unidbg_tui import fit, paint, words
from unidbg_tui.cells import Cell, Column, Page, Row, Span, Table, distinct, guest
from unidbg_tui.changes import changed_facts, changed_rows
from unidbg_tui.messages import RowChosen
from unidbg_tui.model import Model, part_of
from unidbg_tui.pages import Past, page_of
from unidbg_tui.pattern import Pattern
from unidbg_tui.source import Moment
from unidbg_tui.widgets.blocks import ChartBlock, Facts, Why
from unidbg_tui.widgets.grid import Grid
from unidbg_tui.widgets.loglines import LogLines

LEAST_CHART = 4
"""Rows of a chart, its title included, that tables leave to it."""

_FAULTS = (Column("fault at"), Column("address", right=True), Column("why", grow=True))


def fault_table(faults: tuple[Fault, ...]) -> Table:
    """The faults of a view as a table."""
    rows = (
        Row(
            fault.where,
            (
                Cell((guest(fault.where, "bad"),), (1, fault.where)),
                words.address_cell(fault.address),
                Cell((guest(fault.reason),), (1, fault.reason)),
            ),
        )
        for fault in faults
    )
    return Table("faults", _FAULTS, distinct(rows))


class Pane(Vertical):
    """One view in full."""

    def __init__(self, name: str) -> None:
        super().__init__(id=f"pane-{name}", classes="pane")
        self.view_name = name
        self.pattern = Pattern()
        self.hiding = True
        self._page = Page()
        self._before: Page | None = None
        self._tables: tuple[Table, ...] = ()
        self._master: Grid | None = None

    def compose(self) -> ComposeResult:
        """The parts that every pane has; charts and tables come with the first page."""
        yield Why()
        yield Facts()
        yield Vertical(classes="charts")
        yield LogLines()

    # What is shown.

    def show(self, model: Model) -> None:
        """Show the snapshot in view."""
        part = model.part(self.view_name)
        self.set_class(part is None, "-waiting")
        self.set_class(isinstance(part, Absent), "-absent")
        if isinstance(part, Absent):
            self.query_one(Why).explain(part)
        elif part is not None and model.moment is not None:
            self._page = _page(part, model, model.moment)
            self._before = self._page_before(model)
            self._fill(part.faults)

    def _page_before(self, model: Model) -> Page | None:
        before = part_of(model.before, self.view_name)
        if before is None or isinstance(before, Absent) or model.before is None:
            return None
        return _page(before, model, model.before)

    def _fill(self, faults: tuple[Fault, ...]) -> None:
        page, before = self._page, self._before
        trends = changed_facts(before.facts if before else (), page.facts)
        self.query_one(Facts).show(page.facts, trends)
        for block, chart in zip(self._charts(len(page.charts)), page.charts, strict=True):
            block.show(chart)
        self._fill_lines(page, before)
        self._fill_tables(page.tables + ((fault_table(faults),) if faults else ()))
        self._share_height()

    def _fill_lines(self, page: Page, before: Page | None) -> None:
        log = self.query_one(LogLines)
        log.display = page.lines is not None
        if page.lines is not None:
            known = before.lines if before is not None and before.lines is not None else page.lines
            log.show(page.lines, new_lines(known, page.lines))

    def _fill_tables(self, tables: tuple[Table, ...]) -> None:
        old = {table.title: table for table in (self._before.tables if self._before else ())}
        self._tables = tables
        detailed = next((table for table in tables if any(row.detail for row in table.rows)), None)
        grids = self._grids(len(tables) + (detailed is not None))
        for grid, table in zip(grids, tables, strict=False):
            grid.show(table, changed_rows(old.get(table.title), table))
            _title(grid, table)
        if detailed is not None:
            self._show_detail(grids)

    def _show_detail(self, grids: list[Grid]) -> None:
        """Below the tables: the detail of the row under the cursor, in the table that last had the focus."""
        masters = [grid for grid in grids[:-1] if grid.cursor_row is not None and grid.cursor_row.detail]
        master = self._master if self._master in masters else next(iter(masters), None)
        row = None if master is None else master.cursor_row
        if row is None or row.detail is None:
            return
        grids[-1].show(row.detail, changed_rows(self._detail_before(row), row.detail))
        _title(grids[-1], row.detail)

    def _detail_before(self, row: Row) -> Table | None:
        tables = self._before.tables if self._before else ()
        found = (old.detail for table in tables for old in table.rows if old.key == row.key and old.detail)
        assert row.detail is not None
        return next((detail for detail in found if detail.title == row.detail.title), None)

    def on_row_chosen(self, message: RowChosen) -> None:
        """The detail follows the cursor."""
        self._follow_cursor()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The detail follows from table to table."""
        if isinstance(event.widget, Grid) and event.widget.cursor_row and event.widget.cursor_row.detail:
            self._master = event.widget
            self._follow_cursor()

    def _follow_cursor(self) -> None:
        if any(row.detail for table in self._tables for row in table.rows):
            self._show_detail(self._grids(len(self._tables) + 1))
            self._share_height()

    # The widgets, as many as the page needs.

    def _grids(self, count: int) -> list[Grid]:
        grids = list(self.query(Grid))
        while len(grids) < count:
            grid = Grid(classes="table")
            grid.filter(self.pattern, self.hiding)
            grids.append(grid)
            self.mount(grid)
        for number, grid in enumerate(grids):
            grid.display = number < count
        return grids[:count]

    def _charts(self, count: int) -> list[ChartBlock]:
        charts = list(self.query(ChartBlock))
        while len(charts) < count:
            charts.append(ChartBlock())
            self.query_one(".charts").mount(charts[-1])
        for number, chart in enumerate(charts):
            chart.display = number < count
        return charts[:count]

    def on_resize(self, event: events.Resize) -> None:
        """Share the height anew."""
        self._share_height()

    def _share_height(self) -> None:
        """Facts take what they need, tables too where it fits, charts the rest."""
        charts = self.query_one(".charts")
        beside = bool(self._tables)
        rows = (1 if beside else len(self._page.charts)) if self._page.charts else 0
        charts.set_class(beside, "-beside")
        charts.display = rows > 0
        grids = [grid for grid in self.query(Grid) if grid.display]
        facts = self.query_one(Facts)
        facts.display = bool(self._page.facts)
        facts.styles.height = len(self._page.facts)
        room = self.size.height - len(self._page.facts) - LEAST_CHART * rows
        wanted = [len(grid.table.rows or (0,)) + 2 for grid in grids]
        for grid, height in zip(grids, fit.share_out(room, wanted, least=3), strict=True):
            grid.styles.height = height
        charts.styles.height = "1fr"
        if grids:
            grids[-1].styles.height = "1fr"
            spare = max(0, room - sum(wanted))
            charts.styles.height = min(LEAST_CHART + spare, max(LEAST_CHART, self.size.height // 3))

    # What keys do here.

    @property
    def searchable(self) -> Grid | LogLines | None:
        """The table or log that keys act on: the focused one, else the first."""
        shown = [widget for widget in self.query("Grid, LogLines") if widget.display]
        focused = [widget for widget in shown if widget.has_focus]
        widget = next(iter(focused or shown), None)
        return widget if isinstance(widget, Grid | LogLines) else None

    def filter(self, pattern: Pattern, hiding: bool) -> None:
        """Filter all tables and the log of this pane."""
        self.pattern, self.hiding = pattern, hiding
        for widget in self.query("Grid, LogLines"):
            if isinstance(widget, Grid | LogLines):
                widget.filter(pattern, hiding)

    def copy_all(self) -> str:
        """The whole page as text."""
        facts = [f"{fact.label}\t{''.join(span.text for span in fact.line)}" for fact in self._page.facts]
        shown = [widget for widget in self.query("Grid, LogLines") if widget.display]
        return "\n".join(
            [*facts, *(widget.copy_all() for widget in shown if isinstance(widget, Grid | LogLines))]
        )


def _page(view: View, model: Model, moment: Moment) -> Page:
    return page_of(view, Past(model.history, moment.taken_at))


def _title(grid: Grid, table: Table) -> None:
    shown, whole = len(grid.rows), len(table.rows)
    count = units.count(whole) if shown == whole else f"{shown:,} of {whole:,}"
    grid.border_title = paint.content((Span(table.title, "strong"), Span(f"  {count}", "dim")))


def new_lines(before: tuple[str, ...], after: tuple[str, ...]) -> int:
    """How many lines at the end of `after` are new. The oldest may have been overwritten meanwhile."""
    if not before:
        return 0
    for count in range(len(after) + 1):
        kept = after[: len(after) - count]
        if not kept or before[-len(kept) :] == kept[-len(before) :]:
            return count
    return len(after)
