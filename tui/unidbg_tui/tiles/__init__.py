"""View to tile: what the overview shows of each view, in as many lines as there is room for."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap
from typing import Any

from unidbg.render.escape import escape
from unidbg.views.base import Absent, View
from unidbg.views.network import NetView, RingsView
from unidbg.views.security import SecurityView
from unidbg.views.services import CloudView, OrchestrationView, RuntimeView
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
from unidbg_tui.pages.past import Past
from unidbg_tui.source import Part
from unidbg_tui.tiles.memory import heap, memory
from unidbg_tui.tiles.network import net, rings
from unidbg_tui.tiles.parts import app, boot, devices, log, loop, threads
from unidbg_tui.tiles.room import Room
from unidbg_tui.tiles.services import cloud, orchestration, runtime, security

__all__ = ["Room", "tile_of"]

_TILES: dict[type[View], Callable[[Any, Past, Room], list[Line]]] = {
    AppView: app,
    BootView: boot,
    CloudView: cloud,
    DevicesView: devices,
    HeapView: heap,
    LogView: log,
    LoopView: loop,
    MemoryView: memory,
    NetView: net,
    OrchestrationView: orchestration,
    RingsView: rings,
    RuntimeView: runtime,
    SecurityView: security,
    ThreadsView: threads,
}


def tile_of(part: Part, past: Past, room: Room) -> list[Line]:
    """The lines of the tile of `part`, at most `room.height`, each at most `room.width` cells wide."""
    lines = _absent(part, room) if isinstance(part, Absent) else _TILES[type(part)](part, past, room)
    return [fit.cut(spans, room.width) for spans in lines[: max(0, room.height)]]


def _absent(part: Absent, room: Room) -> list[Line]:
    said: tuple[tuple[str, Role], ...] = ((part.reason, "dim"), (part.remedy, "accent"))
    rows: list[Line] = [
        (Span(row, role),) for text, role in said for row in wrap(escape(text), max(8, room.width))
    ]
    if len(rows) > room.height > 0:
        rows[room.height - 1] = (*rows[room.height - 1], Span(" …", "dim"))
    return rows
