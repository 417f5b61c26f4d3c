"""The console ring from a probe of kind `log` (docs/abi.md).

What was read stays known: the next refresh reads what was written since, and the bytes in front of it again,
by which it sees that the ring is still the same one.
"""

from __future__ import annotations

from typing import NamedTuple

from unidbg.errors import MemoryFault
from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.structures import strings
from unidbg.structures.arrays import array_count
from unidbg.target.base import AddressSpace
from unidbg.views.system import LogView

MAX_RING = 1 << 20
"""Bytes of a ring that are read; of a larger claim the first so many."""
OVERLAP = 64
EXPECTED = 512
"""Bytes that a guest is expected to write between two refreshes, at most."""
LEAST = 128


class Ring(NamedTuple):
    """A ring at `start`: `data` as it lies in memory, when `written` bytes had been written in all."""

    start: int
    size: int
    written: int
    data: bytes


def log(fields: Fields, context: Context) -> LogView:
    """The lines of the ring, oldest first."""
    size, written = fields.unsigned("size", "size_bytes"), fields.unsigned("written", "written_bytes")
    text, lost = strings.ring(_contents(fields, context, size, written), written)
    return LogView(
        provenance=context.provenance,
        lines=strings.lines(text),
        size_bytes=size,
        written_bytes=written,
        lost_bytes=lost,
        faults=fields.faults.all(),
    )


def _contents(fields: Fields, context: Context, size: int, written: int) -> bytes:
    """The ring as it lies in memory: only what was written of it."""
    buffer = fields.value.member_("buffer") if fields.has("buffer") else None
    if buffer is None:
        fields.faults.add("lines", f"{fields.value.type_.name} has no member `buffer`", fields.value.address_)
        return b""
    room = array_count(buffer.type_)
    limit = MAX_RING if room is None else min(room, MAX_RING)
    if size > limit:
        reason = f"{size} bytes are more than the ring can have ({limit})"
        fields.faults.add("size_bytes", reason, fields.value.address_)
        size = limit
    start = fields.address("buffer", "lines") if buffer.is_pointer_() else buffer.address_ or 0
    try:
        return _read(context, buffer.memory_, start, size, written)
    except MemoryFault as fault:
        fields.faults.add("lines", f"the ring is unreadable: {fault.reason}", fault.address)
        return b""


def _read(context: Context, memory: AddressSpace, start: int, size: int, written: int) -> bytes:
    """The ring, as far as possible from what the last refresh knew."""
    key = ("log", start, size)
    known = context.memo.get(key) if context.memo is not None else None
    data = _go_on(memory, known, written) if isinstance(known, Ring) else None
    if data is None:
        data = memory.read(start, min(size, written))
    if context.memo is not None:
        context.memo[key] = Ring(start, size, written, data)
    if context.ahead is not None and size:
        context.ahead.forget(start, min(size, written))
        more = OVERLAP + _expected(known, written)
        for offset, length in spans(size, max(written - OVERLAP, 0), min(more, size)):
            context.ahead.expect(start + offset, length)
    return data


def _expected(known: object, written: int) -> int:
    """Twice what was written since the last refresh, within bounds."""
    fresh = written - known.written if isinstance(known, Ring) else EXPECTED
    return min(EXPECTED, max(LEAST, 2 * fresh))


def _go_on(memory: AddressSpace, known: Ring, written: int) -> bytes | None:
    """The ring with what was written since; `None` where it was overwritten, or is another one."""
    overlap = min(OVERLAP, known.written, known.size)
    fresh = written - known.written
    if fresh < 0 or fresh + overlap > known.size:
        return None
    data = bytearray(known.data.ljust(min(known.size, written), b"\0"))
    at = known.written - overlap
    for offset, length in spans(known.size, at, overlap + fresh):
        piece = memory.read(known.start + offset, length)
        same = max(0, min(length, known.written - at))
        if piece[:same] != known.data[offset : offset + same]:
            return None
        data[offset : offset + length] = piece
        at += length
    return bytes(data)


def spans(size: int, position: int, length: int) -> list[tuple[int, int]]:
    """(offset, length) inside a ring of `size` of the `length` bytes from `position` on."""
    offset = position % size
    first = min(length, size - offset)
    return [(offset, first), *([(0, length - first)] if length > first else [])]
