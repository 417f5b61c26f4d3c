"""View to tile: what the overview shows of each view, in as many lines as there is room for."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap
from typing import Any

from unidbg.render.escape import escape
from unidbg.views.base import Absent, View
from unidbg.views.system import (
    AppView,
    BootView,
    DevicesView,
    HeapView,
    LogView,
    LoopView,
    MemoryView,
    ThreadsView,
)
from unidbg_tui import fit
from unidbg_tui.cells import Line, Role, Span
from unidbg_tui.pages.generic import generic
from unidbg_tui.pages.past import Past
from unidbg_tui.source import Part
from unidbg_tui.tiles.memory import heap, memory
from unidbg_tui.tiles.parts import app, boot, devices, log, loop, threads
from unidbg_tui.tiles.room import Room

__all__ = ["Room", "tile_of"]

_TILES: dict[type[View], Callable[[Any, Past, Room], list[Line]]] = {
    AppView: app,
    BootView: boot,
    DevicesView: devices,
    HeapView: heap,
    LogView: log,
    LoopView: loop,
    MemoryView: memory,
    ThreadsView: threads,
}


def tile_of(part: Part, past: Past, room: Room) -> list[Line]:
    """The lines of the tile of `part`, at most `room.height`, each at most `room.width` cells."""
    if isinstance(part, Absent):
        lines = _absent(part, room)
    else:
        lines = _TILES.get(type(part), _generic)(part, past, room)
    return [fit.cut(spans, room.width) for spans in lines[: max(0, room.height)]]


def _absent(part: Absent, room: Room) -> list[Line]:
    said: tuple[tuple[str, Role], ...] = ((part.reason, "dim"), (part.remedy, "accent"))
    rows: list[Line] = [
        (Span(row, role),) for text, role in said for row in wrap(escape(text), max(8, room.width))
    ]
    if len(rows) > room.height > 0:
        rows[room.height - 1] = (*rows[room.height - 1], Span(" …", "dim"))
    return rows


def _generic(view: View, past: Past, room: Room) -> list[Line]:
    """A view that has no tile of its own: its facts, and how many rows its tables have."""
    page = generic(view, past)
    facts = [fit.sides((Span(fact.label, "dim"),), fact.line, room.width) for fact in page.facts]
    counts = [
        fit.sides((Span(table.title, "dim"),), (Span(f"{len(table.rows):,}", "strong"),), room.width)
        for table in page.tables
    ]
    return counts + facts
