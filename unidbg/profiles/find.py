"""Where a pattern lies in guest memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from unidbg.errors import LocalProtocolError
from unidbg.profiles.areas import Area, Piece, live_areas, pieces
from unidbg.profiles.base import Context
from unidbg.profiles.memory import image_layout
from unidbg.profiles.probe import decode
from unidbg.structures.faults import Faults
from unidbg.views.base import Address, Range
from unidbg.views.forensics import FindView, Match
from unidbg.views.system import HeapView, MemoryView

CHUNK = 1 << 20
"""Bytes that are read and searched at a time."""


class Pattern(NamedTuple):
    """What is looked for: bytes as they are, or aligned words from `low` up to, not including, `high`."""

    text: str
    needle: bytes = b""
    low: int = 0
    high: int = 0


def find(context: Context, pattern: Pattern, limit: int, everything: bool = False) -> FindView:
    """The first `limit` places, in live data or in all that is mapped."""
    if not pattern.needle and pattern.low >= pattern.high:
        raise LocalProtocolError("nothing to look for: the pattern is empty")
    faults = Faults()
    areas = _mapped(context) if everything else _live(context)
    found: list[Match] = []
    searched = 0
    for area in areas:
        for piece in pieces(context, area, CHUNK, max(len(pattern.needle) - 1, 0), faults):
            searched += piece.new
            offsets = _offsets(pattern, piece)
            found += [Match(context.program.locate(piece.start + at), area.name) for at in offsets]
            if len(found) > limit:
                return _view(context, pattern, areas, searched, found, limit, faults)
    return _view(context, pattern, areas, searched, found, limit, faults)


def _view(
    context: Context,
    pattern: Pattern,
    areas: list[Area],
    searched: int,
    found: list[Match],
    limit: int,
    faults: Faults,
) -> FindView:
    return FindView(
        provenance=context.provenance,
        faults=faults.all(),
        pattern=pattern.text,
        searched=tuple(Range(Address(area.start), Address(area.end)) for area in areas),
        searched_bytes=searched,
        matches=tuple(found[:limit]),
        more=len(found) > limit,
    )


def _live(context: Context) -> list[Area]:
    """Live data, the heap and what the image cannot change."""
    found = live_areas(context)
    heap = decode(context, "heap")
    if isinstance(heap, HeapView) and heap.start < heap.current:
        found.append(Area("heap", heap.start, heap.current))
    for name, part in image_layout(context.program).items():
        if part is not None and name != "data":
            found.append(Area(name, part.start, part.end))
    return sorted(found, key=lambda area: area.start)


def _mapped(context: Context) -> list[Area]:
    """All that the target says it has, else all that the page tables map."""
    regions = context.program.memory.regions()
    if regions:
        return [Area(region.permissions or "memory", region.start, region.end) for region in regions]
    view = decode(context, "memory")
    mapped = view.regions if isinstance(view, MemoryView) else ()
    return [Area(region.kind or "memory", region.start, region.end) for region in mapped] or _live(context)


def _offsets(pattern: Pattern, piece: Piece) -> list[int]:
    search = _bytes(pattern.needle, piece.data) if pattern.needle else _words(pattern, piece)
    return [at for at in search if at < piece.new]


def _bytes(needle: bytes, data: bytes) -> Iterator[int]:
    at = data.find(needle)
    while at >= 0:
        yield at
        at = data.find(needle, at + 1)


def _words(pattern: Pattern, piece: Piece) -> Iterator[int]:
    import numpy as np

    data, first = piece.data, -piece.start % 8
    words = np.frombuffer(data[first : first + (len(data) - first) // 8 * 8], dtype="<u8")
    near = np.flatnonzero(words - np.uint64(pattern.low) < np.uint64(pattern.high - pattern.low))
    return ((first + index * 8) for index in near.tolist())
