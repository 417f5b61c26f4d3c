"""Lines in a box over the screen: the keys, or where the facts come from."""

from __future__ import annotations

from collections.abc import Sequence
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
        lines += [(Span(f"  {key.display:<16}", "accent"), Span(key.says)) for key in keys]
    return lines


class Box(ModalScreen[None]):
    """Some lines; esc closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,i,q,enter", "dismiss", "close", show=False),
        Binding("j,down", "by(1)", "down", show=False),
        Binding("k,up", "by(-1)", "up", show=False),
        Binding("ctrl+d,pagedown,space", "by(10)", "down", show=False),
        Binding("ctrl+u,pageup", "by(-10)", "up", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__()
        self._heading = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """A box in the middle."""
        with VerticalScroll(id="box", can_focus=False) as box:
            box.border_title = Content(self._heading)
            box.border_subtitle = Content("esc closes")
            yield Static(paint.lines(self._lines), markup=False)

    def action_by(self, rows: int) -> None:
        """Scroll."""
        self.query_one("#box").scroll_relative(y=rows, animate=False)
