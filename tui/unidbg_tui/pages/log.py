"""The pane of the console log."""

from __future__ import annotations

from unidbg.render import units
from unidbg.render.escape import escape_lines
from unidbg.views.system import LogView
from unidbg_tui.cells import Fact, Page, Span, line
from unidbg_tui.pages.past import Past


def log(view: LogView, past: Past) -> Page:
    """The lines of the ring; how full it is and what was overwritten."""
    lost = Span(f"  {units.size(view.lost_bytes)} overwritten", "warn" if view.lost_bytes else "dim")
    held = min(view.written_bytes, view.size_bytes)
    said = line(Span(units.size(held), "strong"), Span(f" of {units.size(view.size_bytes)}", "dim"), lost)
    facts = (Fact("ring", said, (0, view.written_bytes)),)
    return Page(facts, lines=log_lines(view))


def log_lines(view: LogView) -> tuple[str, ...]:
    """The lines, escaped; a line of the guest's stays one line."""
    return tuple(piece for text in view.lines for piece in escape_lines(text))
