"""The keys on one screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from unidbg_tui import paint
from unidbg_tui.cells import Line, Span
from unidbg_tui.keys import KEYS


def help_lines() -> list[Line]:
    """Groups, keys and what they do."""
    lines: list[Line] = []
    for group, keys in KEYS.items():
        lines += [(), (Span(group, "strong"),)] if lines else [(Span(group, "strong"),)]
        lines += [(Span(f"  {key.display:<14}", "accent"), Span(key.says)) for key in keys]
    return lines


class Help(ModalScreen[None]):
    """The keys; any of its own closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "close", show=False),
        Binding("j", "by(1)", "down", show=False),
        Binding("k", "by(-1)", "up", show=False),
    ]

    def compose(self) -> ComposeResult:
        """A box in the middle."""
        with VerticalScroll(id="help") as box:
            box.border_title = Content("keys")
            box.border_subtitle = Content("esc closes")
            yield Static(paint.lines(help_lines()), markup=False)

    def action_by(self, rows: int) -> None:
        """Scroll."""
        self.query_one("#help").scroll_relative(y=rows, animate=False)
