"""The quiet parts of a pane: facts with their gauges, charts, and why a view is absent."""

from __future__ import annotations

from textwrap import wrap

from textual.content import Content
from textual.widget import Widget

from unidbg.render.escape import escape
from unidbg.views.base import Absent
from unidbg_tui import fit, paint
from unidbg_tui.cells import Chart, Fact, Line, Role, Span, line
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
        self._absent: Absent | None = None

    def explain(self, absent: Absent) -> None:
        """Show reason and remedy."""
        self._absent = absent
        self.refresh()

    def render(self) -> Content:
        """Reason and remedy beside their labels, wrapped."""
        if self._absent is None:
            return Content("")
        width = self.content_size.width
        title = line(Span(f"No {escape(self._absent.view)} view", "strong"))
        why = _labelled("why", self._absent.reason, "", width)
        return paint.lines([title, (), *why, *_labelled("remedy", self._absent.remedy, "accent", width)])


def _labelled(label: str, text: str, role: Role, width: int) -> list[Line]:
    rows = wrap(escape(text), max(16, width - 8)) or [""]
    labels = [label, *([""] * (len(rows) - 1))]
    return [line(Span(f"{name:<8}", "dim"), Span(row, role)) for name, row in zip(labels, rows, strict=True)]
