"""Lines become Textual `Content` here: plain text with style spans, never markup."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.content import Span as StyleSpan

from unidbg_tui.cells import Line, Role

STYLES: dict[Role, str] = {
    "": "",
    "dim": "$foreground 60%",
    "strong": "bold",
    "good": "$text-success",
    "warn": "bold $text-warning",
    "bad": "bold $text-error",
    "accent": "$text-accent",
    "high": "$primary",
    "middle": "$primary 80%",
    "low": "$primary 60%",
    "code": "$primary",
    "data": "$warning",
    "heap": "$success",
    "stack": "$secondary",
}
"""What a role looks like, in variables of the theme."""

CHANGED = "on $primary 25%"


def content(spans: Line) -> Content:
    """One line."""
    return lines([spans])


def lines(rows: Iterable[Line]) -> Content:
    """Several lines."""
    text: list[str] = []
    styles: list[StyleSpan] = []
    length = 0
    for number, row in enumerate(rows):
        if number:
            text.append("\n")
            length += 1
        for span in row:
            end = length + len(span.text)
            styles += [StyleSpan(length, end, style) for style in _styles(span.role, span.changed)]
            text.append(span.text)
            length = end
    return Content("".join(text), styles)


def _styles(role: Role, changed: bool) -> list[str]:
    found = [STYLES[role]] if STYLES[role] else []
    return [*found, CHANGED] if changed else found
