"""Pieces of text that tables are made of. Guest text enters here, through `guest`, and only as `Text`.

Styles are names of the sixteen terminal colours, so that they follow the user's theme.
"""

from __future__ import annotations

from typing import NamedTuple

from rich.text import Text

from unidbg.render import units
from unidbg.render.escape import escape
from unidbg.views.base import Location, Range

ADDRESS = "cyan"
SYMBOL = "green"
DIM = "dim"
GOOD = "green"
WARN = "yellow"
BAD = "bold red"
HEAD = "bold"


class Page(NamedTuple):
    """What is written on: `width` in columns; without `unicode` drawings keep to ASCII.

    With `color` it is worth while to find out how source is coloured.
    """

    width: int = 80
    unicode: bool = True
    color: bool = False

    @property
    def wide(self) -> bool:
        """Room for what is nice to have."""
        return self.width >= 110


def plain(text: str, style: str = "") -> Text:
    """Text of our own."""
    return Text(text, style=style)


def guest(text: str, style: str = "") -> Text:
    """Text that came from the guest, its image or the wire, escaped."""
    return Text(escape(text), style=style)


def none() -> Text:
    """There is nothing here, and that is known."""
    return Text("-", style=DIM)


def address(value: int | None) -> Text:
    return none() if value is None else Text(hex(value), style=ADDRESS)


def number(value: int | None) -> Text:
    return none() if value is None else Text(units.count(value))


def size(value: int | None) -> Text:
    return none() if value is None else Text(units.size(value))


def duration(ns: int | None) -> Text:
    return none() if ns is None else Text(units.duration(ns))


def yes_no(value: bool) -> Text:
    return Text("yes" if value else "no", style="" if value else DIM)


def span(value: Range | None) -> Text:
    """`0x100000..0x12f000 (188 KiB)`."""
    if value is None:
        return none()
    text = Text.assemble((hex(value.start), ADDRESS), ("..", DIM), (hex(value.end), ADDRESS))
    return text.append(f" ({units.size(value.end - value.start)})")


def name(location: Location) -> Text:
    """`symbol+0x12`, or the bare address where no symbol is known."""
    if location.symbol is None:
        return address(location.address)
    text = guest(location.symbol, SYMBOL)
    return text.append(f"+{location.offset:#x}", style=DIM) if location.offset else text


def source(location: Location) -> Text:
    """`dir/file.c:42`, empty where the line is not known."""
    if location.file is None:
        return Text()
    line = "" if location.line is None else f":{location.line}"
    return guest("/".join(location.file.rsplit("/", 2)[-2:]) + line, DIM)


def state(word: str, reason: str, style: str = WARN) -> Text:
    """`stopped: breakpoint`, without saying a word twice."""
    if not reason or reason.startswith(word):
        return guest(reason or word, style)
    return guest(f"{word}: {reason}", style)


def place(location: Location | None) -> Text:
    """`symbol+0x12 (file.c:42)`."""
    if location is None:
        return none()
    text, where = name(location), source(location)
    return Text.assemble(text, " (", where, ")") if where.plain else text


def bar(part: int, whole: int, width: int, page: Page) -> Text:
    """A gauge of `width` columns: green, yellow from 75 %, red from 90 %."""
    share = min(max(part / whole, 0.0), 1.0) if whole > 0 else 0.0
    filled = max(round(share * width), 1 if part > 0 else 0)
    style = "red" if share >= 0.9 else "yellow" if share >= 0.75 else "green"
    on, off = ("█", "░") if page.unicode else ("#", ".")
    return Text.assemble((on * filled, style), (off * (width - filled), "bright_black"))
