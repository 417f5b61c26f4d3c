"""Packet rings and the virtqueues under them, from a probe of kind `rings` (docs/abi.md)."""

from __future__ import annotations

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.profiles.frames import slots
from unidbg.profiles.queues import queue
from unidbg.views.network import Ring, RingsView, Virtqueue

DIRECTIONS = ("rx", "tx")
STUCK_NS = 1_000_000_000
"""A ring that has not moved for so long, by the guest's clock, though something waits, is called stuck."""
MAX_NAME = 256


def rings(fields: Fields, context: Context) -> RingsView:
    """All rings, in the order of the guest's table."""
    now = fields.unsigned("now_ns") if fields.has("now_ns") else 0
    found = tuple(_ring(each, context, now) for each in fields.structs("rings", "ring_count"))
    return RingsView(context.provenance, fields.faults.all(), now, found)


def _ring(fields: Fields, context: Context, now: int) -> Ring:
    direction = fields.integer("direction")
    if not 0 <= direction < len(DIRECTIONS):
        fields.faults.add(fields.where("direction"), f"{direction} is neither 0 (rx) nor 1 (tx)")
    word = DIRECTIONS[direction] if 0 <= direction < len(DIRECTIONS) else f"direction {direction}"
    size, head, tail = (fields.unsigned(name) for name in ("size", "head", "tail"))
    in_flight = (head - tail) & _mask(fields)
    under = queue(fields, context, word, now) if fields.has("queue") else None
    return Ring(
        name=fields.text("name", limit=MAX_NAME),
        direction=word,
        size=size,
        head=head,
        tail=tail,
        in_flight=in_flight,
        stuck=stuck(word, under) if under is not None else "",
        slots=slots(fields, context, head, in_flight),
        queue=under,
    )


def _mask(fields: Fields) -> int:
    """All that a counter of the width of `head` can hold: the counters wrap there."""
    width = fields.value.member_("head").size_ if fields.has("head") else 8
    return (1 << 8 * min(width, 8)) - 1


def stuck(direction: str, queue: Virtqueue) -> str:
    """Why the ring does not move though it should, as a sentence; empty where it does."""
    if direction == "rx" and queue.avail_index and not queue.in_flight and not queue.untaken:
        return "the device has no buffers: it can receive nothing"
    if queue.stalled_ns < STUCK_NS:
        return ""
    seconds = f"for {queue.stalled_ns / 1e9:.1f} s"
    if queue.untaken:
        return f"the driver has not taken {queue.untaken} that came back, {seconds}"
    return f"the device has given back none of {queue.in_flight}, {seconds}"
