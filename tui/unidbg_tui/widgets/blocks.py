"""The quiet parts of a pane: facts with their gauges, charts, and why a view is absent."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from unidbg.render.escape import escape
from unidbg.views.base import Absent
from unidbg_tui import fit, paint
from unidbg_tui.cells import Chart, Fact, Line, Span, line
from unidbg_tui.tiles.room import gauge_line, spark_lines

WIDEST_GAUGE = 40


class Facts(Widget):
    """Labels and what there is to say."""

    def __init__(self) -> None:
        super().__init__(classes="facts")
        self.facts: tuple[Fact, ...] = ()
        self._changes: dict[str, str] = {}

    def show(self, facts: tuple[Fact, ...], changes: dict[str, str]) -> None:
        """Show `facts`; `changes` are the trends of those that changed."""
        self.facts, self._changes = facts, changes
        self.refresh()

    def render(self) -> Content:
        """A line per fact."""
        width = self.content_size.width
        label = max((len(fact.label) for fact in self.facts), default=0)
        value = max((fit.width_of(fact.line) for fact in self.facts if fact.gauge), default=0)
        return paint.lines(fit.cut(self._fact(fact, label, value, width), width) for fact in self.facts)

    def _fact(self, fact: Fact, label: int, value: int, width: int) -> Line:
        mark = self._changes.get(fact.label, "")
        head = line(Span(f"{mark:1} ", "accent"), Span(fact.label.ljust(label) + "  ", "dim"))
        room = min(WIDEST_GAUGE, width - fit.width_of(head) - value - 2)
        if fact.gauge is None or room < 6:
            return (*head, *fact.line)
        return (*head, *fit.padded(fact.line, value), Span("  "), *gauge_line(fact.gauge, room))


class ChartBlock(Widget):
    """A series over time under a line that names it."""

    def __init__(self) -> None:
        super().__init__(classes="chart")
        self.chart: Chart | None = None

    def show(self, shown: Chart) -> None:
        """Show the series."""
        self.chart = shown
        self.refresh()

    def render(self) -> Content:
        """The title and the blocks."""
        size = self.content_size
        if self.chart is None or size.width < 1:
            return Content("")
        title = line(Span(self.chart.title, "strong"), "  ", *self.chart.now)
        head = fit.sides(title, (Span(self.chart.peak, "dim"),), size.width)
        return paint.lines([head, *spark_lines(self.chart.values, size.width, size.height - 1)])


class Why(Widget):
    """Why a view is not to be had, and what would provide it."""

    def __init__(self) -> None:
        super().__init__(classes="why")
        self._said: list[Line] = []

    def explain(self, absent: Absent) -> None:
        """Show reason and remedy."""
        self._said = [
            line(Span(f"No {escape(absent.view)} view", "strong")),
            (),
            line(Span("why     ", "dim"), Span(escape(absent.reason))),
            line(Span("remedy  ", "dim"), Span(escape(absent.remedy), "accent")),
        ]
        self.refresh()

    def render(self) -> Content:
        """The lines; long ones wrap."""
        return paint.lines(self._said)
