"""Heap blocks, leaks, what an address is, where a pattern lies."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.render.tables.memory import tracked
from unidbg.views.base import Range
from unidbg.views.forensics import (
    BlockGroup,
    BlocksView,
    DiffView,
    FindView,
    GroupGrowth,
    LeaksView,
    WhatisView,
)

LARGEST = 10
"""Groups of blocks that a table shows."""


def blocks(view: BlocksView, page: Page) -> Sequence[RenderableType]:
    rows: list[tuple[str, RenderableType]] = [
        ("range", cells.span(Range(view.start, view.end))),
        ("used", Text(f"{units.plural(view.used, 'block')}, {units.size(view.used_bytes)}")),
        ("free", Text(f"{units.plural(view.free, 'block')}, {units.size(view.free_bytes)}")),
        ("integrity", _integrity(view)),
    ]
    if view.tracker is not None:
        rows.append(("call sites", tracked(view.tracker)))
    listed = [
        (
            cells.address(block.address),
            cells.guest(block.state, "" if block.state == "used" else cells.DIM),
            cells.number(block.size_bytes if block.state == "used" else None),
            cells.number(block.span_bytes),
            cells.place(block.call_site),
        )
        for block in view.blocks
    ]
    drawn: list[RenderableType] = [layout.facts(rows), layout.BLANK]
    if view.groups:
        drawn += [_groups(view.groups[:LARGEST]), layout.BLANK]
    drawn.append(layout.table((">!address", "!state", ">!bytes", ">!span", "allocated at"), listed))
    left = view.used + view.free - len(view.blocks)
    if left > 0:
        drawn.append(
            Text(f"... and {units.plural(left, 'block')} more; --limit {view.used + view.free} lists all")
        )
    return drawn


def _groups(groups: Sequence[BlockGroup | GroupGrowth]) -> RenderableType:
    """By size and call site."""
    listed = [
        (
            cells.size(group.bytes),
            cells.number(group.count),
            cells.number(group.size_bytes),
            cells.place(group.call_site),
        )
        for group in groups
    ]
    return layout.table((">!together", ">!blocks", ">!bytes each", "allocated at"), listed)


def _integrity(view: BlocksView) -> Text:
    if not view.damaged:
        return Text("all headers are sound", style=cells.GOOD)
    text = (
        f"{units.plural(view.damaged, 'broken link')}, {units.size(view.unknown_bytes)} behind cannot be told"
    )
    return Text(text, style=cells.BAD)


def leaks(view: LeaksView, page: Page) -> Sequence[RenderableType]:
    rows: list[tuple[str, RenderableType]] = [
        ("leaked", _leaked(view)),
        ("reachable", Text(f"{units.plural(view.reachable, 'block')}, {units.size(view.reachable_bytes)}")),
        ("searched", _roots(view)),
    ]
    if view.tracker is not None:
        rows.append(("call sites", tracked(view.tracker)))
    drawn: list[RenderableType] = [layout.facts(rows)]
    if view.groups:
        listed = [
            (
                cells.size(group.bytes),
                cells.number(group.count),
                cells.number(group.size_bytes),
                cells.guest(group.type) if group.type else cells.none(),
                cells.address(group.witness),
                cells.place(group.call_site),
            )
            for group in view.groups
        ]
        titles = (">!leaked", ">!blocks", ">!bytes each", "type (guess)", ">!oldest", "allocated at")
        drawn += [layout.BLANK, layout.table(titles, listed)]
    return drawn


def _leaked(view: LeaksView) -> Text:
    if not view.leaked:
        return Text("nothing", style=cells.GOOD)
    return Text(f"{units.plural(view.leaked, 'block')}, {units.size(view.leaked_bytes)}", style=cells.BAD)


def _roots(view: LeaksView) -> Text:
    totals: dict[str, int] = {}
    for root in view.roots:
        totals[root.name] = totals.get(root.name, 0) + root.bytes
    return cells.guest(", ".join(f"{name} {units.size(count)}" for name, count in totals.items()))


def whatis(view: WhatisView, page: Page) -> Sequence[RenderableType]:
    listed: list[tuple[RenderableType, ...]] = [
        (
            cells.guest(meaning.kind, cells.HEAD),
            cells.guest(meaning.text),
            cells.address(meaning.start),
            cells.size(meaning.size_bytes),
            cells.place(meaning.location) if meaning.location is not None else Text(),
        )
        for meaning in view.meanings
    ]
    titles = ("!is", "what", ">!from", ">!size", "where")
    return [cells.address(view.address), layout.BLANK, layout.table(titles, listed)]


def find(view: FindView, page: Page) -> Sequence[RenderableType]:
    count = f"{'more than ' if view.more else ''}{units.plural(len(view.matches), 'match', 'matches')}"
    head = Text(f"{count} of ").append_text(cells.guest(view.pattern))
    head.append(f" in {units.size(view.searched_bytes)}")
    listed = [
        (
            cells.address(match.location.address),
            cells.guest(match.kind),
            cells.place(match.location) if match.location.symbol else Text(),
        )
        for match in view.matches
    ]
    table = [layout.table((">!address", "!in", "what"), listed)] if listed else []
    return [head, *table]


def diff(view: DiffView, page: Page) -> Sequence[RenderableType]:
    head = cells.guest(f"{view.before} -> {view.after}", cells.HEAD)
    if not view.differences and not view.growth:
        return [head, Text("nothing changed", style=cells.GOOD)]
    listed = [
        (
            cells.guest(change.view, cells.HEAD),
            cells.guest(change.path),
            cells.guest(change.before),
            cells.guest(change.after),
            Text("" if change.delta is None else f"{change.delta:+,}"),
        )
        for change in view.differences
    ]
    drawn: list[RenderableType] = [head, layout.BLANK]
    if listed:
        drawn.append(layout.table(("!view", "field", ">before", ">after", ">!by"), listed))
    if view.growth:
        drawn += [layout.BLANK, Text("blocks that became more", style=cells.HEAD), _groups(view.growth)]
    return drawn
