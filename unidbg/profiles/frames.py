"""The slots of a packet ring, and the frames that still lie in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.program.value import Value
from unidbg.structures import packets
from unidbg.views.network import RingSlot

MAX_FRAME = 65_550
"""Bytes of a frame: an IPv4 packet of full length and its Ethernet header. A longer claim is corrupt."""


def slots(fields: Fields, context: Context, head: int, in_flight: int) -> tuple[RingSlot, ...]:
    """Those in flight, oldest first, then older ones that lie in memory, newest first; none in brief."""
    size = fields.unsigned("size")
    if in_flight > size:
        reason = f"{in_flight} packets do not fit a ring of {size}: head or tail is wrong"
        fields.faults.add(fields.where("in_flight"), reason, fields.value.address_)
        in_flight = 0
    if context.detail == "brief" or not fields.has("slots") or size == 0:
        return ()
    table = list(fields.items("slots", "size"))
    if len(table) < size:
        return ()
    found = tuple(_ordered(fields, table, head, in_flight))
    return with_packets(found, fields, context) if context.detail == "packets" else found


def _ordered(fields: Fields, table: Sequence[Value], head: int, in_flight: int) -> Iterator[RingSlot]:
    size = len(table)
    order = [(head - in_flight + n, "in flight") for n in range(in_flight)]
    order += [(head - in_flight - 1 - n, "done") for n in range(size - in_flight)]
    for shown, (at, state) in enumerate(order):
        path = f"{fields.where('slots')}[{shown}]"
        slot = Fields(fields.program, table[at % size], fields.faults, path)
        length = slot.unsigned("length", "length_bytes")
        if state == "done" and length == 0:
            return
        time = slot.unsigned("time_ns") if slot.has("time_ns") else None
        yield RingSlot(at % size, state, slot.address("data", "address"), length, time, None)


def with_packets(found: Sequence[RingSlot], fields: Fields, context: Context) -> tuple[RingSlot, ...]:
    """The slots with their frames decoded, all read at once."""
    ranges = [(slot.address, min(slot.length_bytes, MAX_FRAME)) for slot in found]
    frames = context.program.memory.read_many(ranges)
    return tuple(
        _with_packet(slot, frame, fields, f"{fields.where('slots')}[{number}]")
        for number, (slot, frame) in enumerate(zip(found, frames, strict=True))
    )


def _with_packet(slot: RingSlot, frame: bytes | None, fields: Fields, where: str) -> RingSlot:
    if slot.length_bytes > MAX_FRAME:
        fields.faults.add(f"{where}.length_bytes", f"no frame has {slot.length_bytes} bytes", slot.address)
        return slot
    if frame is None:
        fields.faults.add(
            f"{where}.packet", f"the {slot.length_bytes} bytes of it are unreadable", slot.address
        )
        return slot
    return replace(slot, packet=packets.decode(frame))
