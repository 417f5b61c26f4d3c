"""The console ring from a probe of kind `log` (docs/abi.md)."""

from __future__ import annotations

from unidbg.errors import MemoryFault
from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields, array_count
from unidbg.structures import strings
from unidbg.views.system import LogView

STEP = 2048
MAX_RING = 1 << 20
"""Bytes of a ring that are read; of a larger claim the first so many."""


def log(fields: Fields, context: Context) -> LogView:
    """The lines of the ring, oldest first."""
    size, written = fields.unsigned("size", "size_bytes"), fields.unsigned("written", "written_bytes")
    data = _contents(fields, size, written)
    text, lost = strings.ring(data, written)
    return LogView(
        provenance=context.provenance,
        lines=strings.lines(text),
        size_bytes=size,
        written_bytes=written,
        lost_bytes=lost,
        faults=fields.faults.all(),
    )


def _contents(fields: Fields, size: int, written: int) -> bytes:
    """The ring as it lies in memory: only what was written of it."""
    buffer = fields.value.member_("buffer") if fields.has("buffer") else None
    if buffer is None:
        fields.faults.add("lines", f"{fields.value.type_.name} has no member `buffer`", fields.value.address_)
        return b""
    room = array_count(buffer.type_)
    limit = MAX_RING if room is None else min(room, MAX_RING)
    if size > limit:
        fields.faults.add(
            "size_bytes", f"{size} bytes are more than the ring can have ({limit})", fields.value.address_
        )
        size = limit
    start = fields.address("buffer", "lines") if buffer.is_pointer_() else buffer.address_ or 0
    # In whole steps, so that a line more is no other range to fetch.
    wanted = min(size, (written + STEP - 1) & -STEP)
    try:
        return buffer.memory_.read(start, wanted)[:written]
    except MemoryFault as fault:
        fields.faults.add("lines", f"the ring is unreadable: {fault.reason}", fault.address)
        return b""
