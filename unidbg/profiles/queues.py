"""The virtqueue under a packet ring: member `queue` of a ring (docs/abi.md)."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.profiles.physical import physical_memory
from unidbg.structures import virtqueue
from unidbg.structures.virtqueue import Indexes, Place, distance
from unidbg.views.base import Address
from unidbg.views.network import Chain, Virtqueue


class _Found(NamedTuple):
    """The driver's structure, where the shared parts lie, and how far both sides are."""

    fields: Fields
    place: Place
    indexes: Indexes
    last_used: int
    readable: bool


def queue(ring: Fields, context: Context, direction: str, now: int) -> Virtqueue | None:
    """The queue of a ring at the guest's clock `now`; `None` where the ring has none (NULL)."""
    fields = ring.struct("queue", ring.where("queue"))
    if fields is None:
        return None
    found = _find(fields, context)
    indexes, last_used, event_idx = found.indexes, found.last_used, _optional(fields, "event_idx")
    return Virtqueue(
        size=found.place.size,
        descriptors=Address(found.place.desc),
        avail=Address(found.place.avail),
        used=Address(found.place.used),
        avail_index=indexes.avail,
        used_index=indexes.used,
        last_used=last_used,
        in_flight=distance(indexes.avail, indexes.used),
        untaken=distance(indexes.used, last_used),
        free_descriptors=_free(found),
        event_idx=bool(event_idx),
        used_event=indexes.used_event if event_idx else None,
        avail_event=indexes.avail_event if event_idx else None,
        no_interrupt=bool(indexes.avail_flags & virtqueue.NO_INTERRUPT),
        no_notify=bool(indexes.used_flags & virtqueue.NO_NOTIFY),
        notifications=_optional(fields, "notifications"),
        completions=_optional(fields, "completions"),
        stalled_ns=_stalled_ns(found, direction, now),
        chains=_chains(found, context),
    )


def _find(fields: Fields, context: Context) -> _Found:
    place = Place(
        fields.unsigned("size"),
        fields.address("desc", "descriptors"),
        fields.address("avail"),
        fields.address("used"),
    )
    last_used = fields.integer("last_used") & 0xFFFF
    indexes = None
    if virtqueue.validate_place(place, fields.faults, fields.path):
        indexes = virtqueue.read_indexes(context.program.memory, place, fields.faults, fields.path)
    idle = Indexes(0, last_used, 0, last_used, 0, 0)
    return _Found(fields, place, indexes or idle, last_used, indexes is not None)


def _optional(fields: Fields, member: str) -> int | None:
    return fields.unsigned(member) if fields.has(member) else None


def _free(found: _Found) -> int | None:
    if not found.fields.has("free_count"):
        return None
    free = found.fields.unsigned("free_count", "free_descriptors")
    if free > found.place.size:
        reason = f"{free} of {found.place.size} cannot be free"
        found.fields.faults.add(found.fields.where("free_descriptors"), reason, found.fields.value.address_)
    return free


def _stalled_ns(found: _Found, direction: str, now: int) -> int:
    """How long what waits has waited: on tx for the device or the driver, on rx for the driver alone."""
    progress = _optional(found.fields, "progress_ns")
    until = found.indexes.used if direction == "rx" else found.indexes.avail
    waiting = distance(until, found.last_used)
    return max(0, now - progress) if waiting and progress is not None else 0


def _chains(found: _Found, context: Context) -> tuple[Chain, ...]:
    """Those that are not the driver's own; in brief only the indexes are judged."""
    if not found.readable:
        return ()
    physical = partial(physical_memory, context)
    reader = virtqueue.Reader(
        context.program.memory, physical, found.place, found.fields.faults, found.fields.path
    )
    return reader.chains(found.indexes, found.last_used, walk=context.detail != "brief")
