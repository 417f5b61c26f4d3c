"""Packet rings, the virtqueues under them, and the packets that still lie in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.views.network import Chain, Ring, RingSlot, RingsView, Virtqueue

_RUNS = 12
"""Runs of chains that are shown of a queue; JSON has every chain."""
_BUFFERS = 4
_SPANS = 3
_GUTTER = 11


def rings(view: RingsView, page: Page) -> Sequence[RenderableType]:
    if not view.rings:
        return [Text("no rings")]
    drawn: list[RenderableType] = []
    for ring in view.rings:
        drawn += [*([layout.BLANK] if drawn else []), *_ring(ring, page)]
    return drawn


def _ring(ring: Ring, page: Page) -> list[RenderableType]:
    beside = page._replace(width=page.width - _GUTTER)
    sections: list[tuple[str, Sequence[RenderableType]]] = [("ring", _head(ring, beside))]
    if ring.queue is not None:
        sections.append(("virtqueue", _queue(ring.queue, beside)))
        if ring.queue.chains:
            sections.append(("chains", _chains(ring.queue, page)))
    decoded = any(slot.packet is not None for slot in ring.slots)
    if ring.slots and not decoded:
        sections.append(("packets", [_slots_in_short(ring)]))
    grid = layout.gutter(sections)
    return [grid, _packets(ring.slots)] if decoded else [grid]


def _head(ring: Ring, page: Page) -> list[RenderableType]:
    return [summary(ring, page), *([_stuck(ring)] if ring.stuck else [])]


def summary(ring: Ring, page: Page) -> Text:
    """A ring in one line: how full it is, and how far both ends are."""
    gauge = cells.bar(ring.in_flight, ring.size, 16 if page.wide else 8, page)
    flight = Text(f"{units.count(ring.in_flight)} of {units.count(ring.size)} in flight")
    ends = (_said("head", str(ring.head)), _said("tail", str(ring.tail)))
    name = cells.guest(ring.name, cells.HEAD)
    direction = cells.guest("" if ring.name.endswith(ring.direction) else ring.direction)
    return layout.flow([layout.sequence([name, direction, gauge, flight]), *ends], page.width)


def _stuck(ring: Ring) -> Text:
    return Text.assemble(("stuck: ", cells.BAD), cells.guest(ring.stuck))


def _queue(queue: Virtqueue, page: Page) -> list[RenderableType]:
    free = "" if queue.free_descriptors is None else f", {units.count(queue.free_descriptors)} free"
    untaken = Text(f"{units.count(queue.untaken)} untaken", style=cells.WARN if queue.untaken else "")
    stalled = f"stalled for {units.duration(queue.stalled_ns)}" if queue.stalled_ns else ""
    state = [
        Text(f"{units.plural(queue.size, 'descriptor')}{free}"),
        Text(f"{units.count(queue.in_flight)} with the device"),
        untaken,
        Text(stalled, style=cells.WARN),
    ]
    indexes = [
        _said("avail", str(queue.avail_index)),
        _said("used", str(queue.used_index)),
        _said("taken", str(queue.last_used)),
        _counted(queue.notifications, "notification"),
        _counted(queue.completions, "completion"),
    ]
    events = [_said("interrupts", _interrupts(queue)), _said("notifications", _notifications(queue))]
    places = [
        Text.assemble((f"{word} ", cells.DIM), cells.address(address))
        for word, address in (("desc", queue.descriptors), ("avail", queue.avail), ("used", queue.used))
    ]
    return [layout.flow(pieces, page.width) for pieces in (state, indexes, events, places)]


def _said(word: str, value: str) -> Text:
    return Text.assemble((f"{word} ", cells.DIM), value)


def _counted(count: int | None, noun: str) -> Text:
    return Text() if count is None else Text(units.plural(count, noun))


def _interrupts(queue: Virtqueue) -> str:
    """Whether the driver wants to hear of the next chain that comes back."""
    if queue.used_event is not None:
        return _event(queue.used_event, queue.used_index, queue.size)
    return "off" if queue.no_interrupt else "on"


def _notifications(queue: Virtqueue) -> str:
    """Whether the device wants to hear of the next chain that is made available."""
    if queue.avail_event is not None:
        return _event(queue.avail_event, queue.avail_index, queue.size)
    return "off" if queue.no_notify else "on"


def _event(event: int, index: int, size: int) -> str:
    """An event comes when the index passes `event`; one that lies behind means: not now."""
    ahead = (event - index) & 0xFFFF
    if ahead >= size:
        return f"off (event {event} is behind)"
    return f"at the next (event {event})" if ahead == 0 else f"after {ahead + 1} more (event {event})"


class _Run(NamedTuple):
    """Neighbours alike in shape; `heads` are (first, last) of those that follow each other."""

    first: Chain
    heads: tuple[tuple[int, int], ...]
    chains: int


def _chains(queue: Virtqueue, page: Page) -> list[RenderableType]:
    runs = list(_runs(queue.chains))
    rows = [_run(run, page) for run in islice(runs, _RUNS)]
    table = layout.table(("head", "!state", ">!chains", ">!written", "buffers"), rows)
    more = sum(run.chains for run in runs[_RUNS:])
    rest = [Text(f"and {units.plural(more, 'more chain', 'more chains')}", style=cells.DIM)] if more else []
    return [table, *rest]


def _runs(chains: Sequence[Chain]) -> Iterator[_Run]:
    """Neighbours that differ in nothing but place are told in one line."""
    for _, group in groupby(chains, _shape):
        alike = list(group)
        yield _Run(alike[0], tuple(_spans(alike)), len(alike))


def _spans(chains: Sequence[Chain]) -> Iterator[tuple[int, int]]:
    """Heads that follow each other, chain behind chain in the table of descriptors."""
    first = last = chains[0].head
    for chain in chains[1:]:
        if chain.head != last + len(chain.descriptors):
            yield first, last
            first = chain.head
        last = chain.head
    yield first, last


def _shape(chain: Chain) -> tuple[object, ...]:
    buffers = tuple((one.length_bytes, one.device_writes, one.indirect) for one in chain.descriptors)
    return chain.state, chain.written_bytes, buffers


def _run(run: _Run, page: Page) -> tuple[Text, ...]:
    chain = run.first
    heads = [str(first) if first == last else f"{first}..{last}" for first, last in run.heads[:_SPANS]]
    return (
        Text(", ".join([*heads, *(["..."] if len(run.heads) > _SPANS else [])])),
        cells.guest(chain.state, cells.WARN if chain.state == "used" else ""),
        cells.number(run.chains),
        cells.size(chain.written_bytes),
        _buffers(chain, page, address=run.chains == 1),
    )


def _buffers(chain: Chain, page: Page, *, address: bool) -> Text:
    """`→` the device reads, `←` it writes; places where they are those of one chain."""
    reads, writes = ("→", "←") if page.unicode else (">", "<")
    pieces = []
    for one in chain.descriptors[:_BUFFERS]:
        arrow = "table" if one.indirect else writes if one.device_writes else reads
        place = Text.assemble(" at ", cells.address(one.address)) if address else Text()
        pieces.append(Text.assemble((f"{arrow} ", cells.DIM), units.size(one.length_bytes), place))
    if len(chain.descriptors) > _BUFFERS:
        pieces.append(Text(f"and {len(chain.descriptors) - _BUFFERS} more", style=cells.DIM))
    return layout.sequence(pieces)


def _slots_in_short(ring: Ring) -> Text:
    flying = sum(slot.state == "in flight" for slot in ring.slots)
    older = len(ring.slots) - flying
    counts = [f"{units.count(flying)} in flight"] if flying else []
    counts += [f"{units.count(older)} older still in memory"] if older else []
    return Text.assemble(", ".join(counts), ("; --packets decodes them", cells.DIM))


def _packets(slots: Sequence[RingSlot]) -> RenderableType:
    rows = [
        (
            Text(str(slot.index)),
            cells.guest(slot.state, cells.WARN if slot.state == "in flight" else cells.DIM),
            cells.none() if slot.time_ns is None else Text(f"{slot.time_ns / 1e9:.6f}"),
            Text(units.count(slot.length_bytes)),
            cells.none() if slot.packet is None else cells.guest(slot.packet.summary),
        )
        for slot in slots
    ]
    return layout.table((">!slot", "!state", ">!seconds", ">!bytes", "packet"), rows)


def part(view: RingsView, page: Page) -> Sequence[RenderableType]:
    """What the overview shows of it."""
    if not view.rings:
        return [Text("none")]
    return [line for ring in view.rings for line in _head(ring, page)]
