"""The lines that frame the screen: tabs, banner, status bar."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widget import Widget

from unidbg_tui import fit, paint
from unidbg_tui.cells import Line, Span, guest
from unidbg_tui.messages import ShowView

BRAND = " unidbg "
WHOLE = 99
TRIES = (
    *((gap, WHOLE, WHOLE) for gap in (3, 2, 1)),
    *((1, letters, letters) for letters in range(12, 3, -1)),
    *((1, 0, letters) for letters in (WHOLE, 4, 0)),
)
"""Cells between two tabs, letters of those that have a number, and of the others, the roomiest first."""


def tab_spans(names: tuple[str, ...], active: str, width: int) -> tuple[list[tuple[int, int, str]], Line]:
    """The tabs in `width` cells: where each one is (first cell, one past the last, name), and the line."""
    gap, labels = _fitting(names, active, width)
    brand = BRAND if _cells(labels, gap) + len(BRAND) <= width else ""
    places: list[tuple[int, int, str]] = []
    spans: list[Span] = [Span(brand, "accent")] if brand else []
    x = len(brand)
    for label, name in zip(labels, names, strict=True):
        spans += [Span(label, "strong" if name == active else "dim", changed=name == active), Span(" " * gap)]
        places.append((x, x + len(label), name))
        x += len(label) + gap
    return places, fit.cut(tuple(spans), width)


def _fitting(names: tuple[str, ...], active: str, width: int) -> tuple[int, list[str]]:
    """The first of `TRIES` that has room in `width` cells, else the tightest: its gap, and its labels."""
    gap, labels = 0, list[str]()
    for gap, numbered, others in TRIES:
        letters = [
            WHOLE if name == active else numbered if n < 10 else others for n, name in enumerate(names)
        ]
        labels = [_label(n, name, letters[n]) for n, name in enumerate(names)]
        if _cells(labels, gap) <= width:
            break
    return gap, labels


def _cells(labels: list[str], gap: int) -> int:
    return sum(map(len, labels)) + gap * len(labels)


def _label(number: int, name: str, longest: int) -> str:
    digit = str((number + 1) % 10) if number < 10 else ""
    return f"{digit} {guest(name).text[:longest]}".strip()


class Tabs(Widget):
    """The views and their numbers; a click opens one."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(id="tabs")
        self.names = names
        self.active = names[0] if names else ""

    def activate(self, name: str, names: tuple[str, ...]) -> None:
        """Mark the open view."""
        self.active, self.names = name, names
        self.refresh()

    def render(self) -> Content:
        """The line of tabs."""
        return paint.content(tab_spans(self.names, self.active, self.size.width)[1])

    def on_click(self, event: events.Click) -> None:
        """Open the view under the mouse."""
        for first, last, name in tab_spans(self.names, self.active, self.size.width)[0]:
            if first <= event.x < last:
                self.post_message(ShowView(name))


class Said(Widget):
    """Lines of spans, cut to the width: the banner of a lost guest, the status bar."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.lines: tuple[Line, ...] = ()

    def say(self, *lines: Line) -> None:
        """Show `lines`."""
        if lines != self.lines:
            self.lines = lines
            self.refresh()

    def render(self) -> Content:
        """The lines."""
        return paint.lines(fit.cut(line, self.content_size.width) for line in self.lines)
