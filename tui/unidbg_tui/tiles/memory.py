"""The tiles of memory and of the heap."""

from __future__ import annotations

from itertools import zip_longest

from unidbg.render import units
from unidbg.views.system import HeapView, MemoryView
from unidbg_tui import fit, words
from unidbg_tui.cells import Line, Role, Span, line
from unidbg_tui.pages.memory import KIND_ROLES, LAYOUT, heap_gauge
from unidbg_tui.pages.past import Past
from unidbg_tui.tiles.room import Room, gauge_line, spark_lines


def memory(view: MemoryView, past: Past, room: Room) -> list[Line]:
    """What is mapped, whether writable and executable are apart, and the layout to scale."""
    sizes = _sizes(view)
    lines = [_headline(view, room)]
    if sizes:
        lines.append(_layout_bar(sizes, room.width))
    return lines + _legend(sizes, room, room.height - len(lines))


def _headline(view: MemoryView, room: Room) -> Line:
    if view.pages is None:
        return line(Span(units.plural(len(view.regions), "region"), "strong"))
    size = Span(units.size(view.pages.present * 4096), "strong")
    verdict = (words.protection(view.pages),)
    return fit.either(room.width, ((size, Span(" mapped", "dim")), verdict), ((size,), verdict))


def _sizes(view: MemoryView) -> list[tuple[str, int]]:
    spans = ((name, getattr(view, name)) for name in LAYOUT)
    return [(name, max(0, span.end - span.start)) for name, span in spans if span is not None]


def _layout_bar(sizes: list[tuple[str, int]], width: int) -> Line:
    """The parts side by side, on a scale of square roots: a small stack beside a large heap is still seen."""
    weights = [size**0.5 for _, size in sizes]
    room = max(0, width - len(sizes))
    whole = sum(weights) or 1.0
    cells = [1 + int(room * weight / whole) for weight in weights]
    cells[-1] += max(0, width - sum(cells))
    return tuple(Span("▀" * count, _role(name)) for (name, _), count in zip(sizes, cells, strict=True))


def _role(name: str) -> Role:
    return KIND_ROLES.get(name, "")


def _legend(sizes: list[tuple[str, int]], room: Room, rows: int) -> list[Line]:
    columns = 1 if len(sizes) <= rows or room.width < 30 else 2
    width = room.width if columns == 1 else (room.width - 2) // 2
    entries = [
        fit.sides((Span("▀ ", _role(name)), Span(name)), (Span(units.size(size), "dim"),), width)
        for name, size in sizes
    ]
    if columns == 1:
        return entries
    half = (len(entries) + 1) // 2
    pairs = zip_longest(entries[:half], entries[half:], fillvalue=())
    return [(*left, Span("  "), *right) for left, right in pairs]


def heap(view: HeapView, past: Past, room: Room) -> list[Line]:
    """How much is live, of how much, and how it went."""
    whole = max(0, view.end - view.start)
    share = Span(units.percent(view.allocated_bytes, whole), "strong")
    of = line(Span(units.size(view.allocated_bytes), "strong"), Span(f" of {units.size(whole)}", "dim"))
    lines = [fit.either(room.width, (of, (share,)), (of, ())), gauge_line(heap_gauge(view), room.width)]
    peak = line(Span("peak ", "dim"), units.size(view.peak_bytes))
    live = Span(units.count(view.count))
    last = fit.either(room.width, (peak, (live, Span(" live", "dim"))), (peak, (live,)))
    return [*lines, *spark_lines(past.levels("heap.allocated_bytes"), room.width, room.height - 3), last]
