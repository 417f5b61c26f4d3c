"""The capability table of a stub."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from unidbg.render import cells
from unidbg.render.cells import Page
from unidbg.views.conformance import Capability, ConformanceReport

_STYLES = {"yes": cells.GOOD, "no": cells.DIM, "wrong": cells.BAD, "untested": cells.WARN}
_VERDICTS = ("yes", "no", "wrong", "untested")


def conformance(view: ConformanceReport, page: Page) -> Sequence[RenderableType]:
    """A line for each capability, group by group, and the verdict."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style=cells.HEAD)
    grid.add_column(overflow="fold")
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    group = ""
    for one in view.capabilities:
        grid.add_row(
            cells.guest("" if one.group == group else one.group),
            cells.guest(one.name),
            _verdict(one),
            _detail(one),
        )
        group = one.group
    return [grid, _summary(view)]


def _verdict(one: Capability) -> Text:
    missing = one.required and one.verdict == "no"
    return cells.guest(one.verdict, cells.BAD if missing else _STYLES.get(one.verdict, ""))


def _detail(one: Capability) -> Text:
    needed = "every debugger needs it" if one.required and one.verdict == "no" else ""
    return cells.guest("; ".join(part for part in (one.detail, needed) if part), cells.DIM)


def _summary(view: ConformanceReport) -> Text:
    counts = {verdict: sum(one.verdict == verdict for one in view.capabilities) for verdict in _VERDICTS}
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    judged = Text("conforms", cells.GOOD) if view.conforms else Text("does not conform", cells.BAD)
    stub = " ".join(word for word in ("stub", view.stub, view.architecture) if word)
    return Text.assemble(judged, ": ", cells.guest(f"{stub} at {view.target}"), f", {said}")
