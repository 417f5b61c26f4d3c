"""The blocks of an allocator: headers that follow each other by their span, each with a check word.

docs/abi.md, "heap". Any allocator whose headers have these members can be walked. Headers are not trusted:
a chain is followed as far as its check words hold, and taken up again at the next sound header.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from unidbg_symbols import types as t

from unidbg.program.value import WrongType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Words = npt.NDArray[np.uint64]
    Offsets = npt.NDArray[np.int64]

ALIGNMENT = 16
"""Headers lie at multiples of so many bytes from the first one."""
MAX_DAMAGE = 64
"""Broken headers after which a walk ends: more tell nothing new."""
MASK = 0xFFFF_FFFF_FFFF_FFFF
SEARCH_BYTES = 1 << 20
"""How much is searched at a time for the next sound header."""


class HeaderLayout(NamedTuple):
    """Where the members of a block header lie: (offset, bytes) each; `size` bytes in all."""

    size: int
    check: tuple[int, int]
    span: tuple[int, int]
    wanted: tuple[int, int]
    call_site: tuple[int, int] | None
    serial: tuple[int, int] | None = None


class Damage(NamedTuple):
    """A header that cannot be believed: its offset, that of the block before it (-1: none), and why."""

    offset: int
    before: int
    reason: str
    resumed: int
    """Offset of the next sound header, or the end."""


class Blocks(NamedTuple):
    """All sound blocks of a heap: arrays of equal length, in address order, and what was broken."""

    start: int
    layout: HeaderLayout
    offsets: Offsets
    """Of the headers, bytes from `start`."""
    spans: Words
    sizes: Words
    """Bytes asked for; 0: free."""
    call_sites: Words
    """0: not recorded."""
    serials: Words
    """Which allocation made it, counted from boot; 0: not recorded."""
    damage: tuple[Damage, ...]


def header_layout(struct: t.StructType) -> HeaderLayout:
    """The layout of a header type; WrongType where a member lacks or is no unsigned of 4 or 8 bytes."""
    names = {"check": True, "span": True, "size": True, "call_site": False, "serial": False}
    found = {name: _member(struct, name) for name, needed in names.items() if needed or name in struct}
    return HeaderLayout(
        struct.size, found["check"], found["span"], found["size"], found.get("call_site"), found.get("serial")
    )


def _member(struct: t.StructType, name: str) -> tuple[int, int]:
    if name not in struct:
        raise WrongType(f"{struct.name} has no member `{name}`, which a block header needs")
    member = struct.member(name)
    size = member.type.size
    if size not in (4, 8) or member.offset % size or struct.size % ALIGNMENT:
        raise WrongType(f"`{name}` of {struct.name} is not an aligned word of 4 or 8 bytes")
    return member.offset, size


def walk(data: bytes | memoryview, start: int, layout: HeaderLayout, key: int) -> Blocks:
    """All blocks in `data`, which begins with the first header at run address `start`."""
    import numpy as np

    data = memoryview(data)[: len(data) - len(data) % ALIGNMENT]
    pieces: list[Offsets] = []
    damage: list[Damage] = []
    at = 0
    while at < len(data) and len(damage) < MAX_DAMAGE:
        offsets = np.array(_chain(data, at, layout), dtype=np.int64)
        sound = _sound(data, start, layout, key, offsets)
        good = offsets if sound.all() else offsets[: int(sound.argmin())]
        pieces.append(good)
        at = _end(data, layout, good, at)
        if at < len(data):
            before = int(good[-1]) if len(good) else (int(pieces[-2][-1]) if _any(pieces[:-1]) else -1)
            resumed = _resume(data, start, layout, key, at + ALIGNMENT)
            damage.append(Damage(at, before, _why(data, layout, at), resumed))
            at = resumed
    offsets = np.concatenate(pieces) if pieces else np.empty(0, np.int64)
    return _blocks(data, start, layout, offsets, tuple(damage))


def _any(pieces: Sequence[Offsets]) -> bool:
    return bool(pieces) and len(pieces[-1]) > 0


def _blocks(
    data: memoryview, start: int, layout: HeaderLayout, offsets: Offsets, damage: tuple[Damage, ...]
) -> Blocks:
    import numpy as np

    nothing = np.zeros(len(offsets), np.uint64)
    optional = [
        nothing if member is None else column(data, member, offsets)
        for member in (layout.call_site, layout.serial)
    ]
    spans, sizes = column(data, layout.span, offsets), column(data, layout.wanted, offsets)
    return Blocks(start, layout, offsets, spans, sizes, optional[0], optional[1], damage)


def column(data: memoryview, member: tuple[int, int], offsets: Offsets) -> Words:
    """One member of the headers at `offsets`."""
    import numpy as np

    offset, size = member
    words = np.frombuffer(data[: len(data) - len(data) % size], dtype=f"<u{size}")
    return words[(offsets + offset) // size].astype(np.uint64)


def _chain(data: memoryview, at: int, layout: HeaderLayout) -> list[int]:
    """Offsets of headers from `at` on, as far as spans are plausible; check words are not looked at."""
    offset, width = layout.span
    spans = data[: len(data) - len(data) % width].cast("I" if width == 4 else "Q")
    last, least, shift, found = len(data) - layout.size, layout.size, 2 if width == 4 else 3, list[int]()
    append, odd = found.append, ALIGNMENT - 1
    while at <= last:  # a million times: what can be done before or behind the loop is
        append(at)
        span = spans[(at + offset) >> shift]
        if span & odd or span < least:
            break
        at += span
    return found


def _sound(
    data: memoryview, start: int, layout: HeaderLayout, key: int, offsets: Offsets
) -> npt.NDArray[np.bool_]:
    """Which of the headers hold the check word and a plausible span and size."""
    import numpy as np

    check, span, size = (column(data, m, offsets) for m in (layout.check, layout.span, layout.wanted))
    expected = np.uint64(key & MASK) ^ (np.uint64(start) + offsets.astype(np.uint64)) ^ span ^ size
    if layout.check[1] == 4:
        expected &= np.uint64(0xFFFF_FFFF)
    room = span - np.uint64(layout.size)
    plausible = (span >= layout.size) & (span % ALIGNMENT == 0) & (size <= room)
    left = (np.int64(len(data)) - offsets).astype(np.uint64)
    sound: npt.NDArray[np.bool_] = (check == expected) & plausible & (span <= left)
    return sound


def _end(data: memoryview, layout: HeaderLayout, good: Offsets, at: int) -> int:
    """Where the header after the last good one lies; a rest too short for a header ends the heap."""
    if len(good):
        at = int(good[-1]) + int(column(data, layout.span, good[-1:])[0])
    return at if len(data) - at >= layout.size else len(data)


def _resume(data: memoryview, start: int, layout: HeaderLayout, key: int, at: int) -> int:
    """Offset of the first sound header from `at` on, or the end."""
    import numpy as np

    last = len(data) - layout.size
    while at <= last:
        offsets = np.arange(at, min(at + SEARCH_BYTES, last + 1), ALIGNMENT, dtype=np.int64)
        sound = _sound(data, start, layout, key, offsets)
        if sound.any():
            return int(offsets[int(sound.argmax())])
        at += SEARCH_BYTES
    return len(data)


def _why(data: memoryview, layout: HeaderLayout, at: int) -> str:
    offset, width = layout.span
    span = int.from_bytes(data[at + offset : at + offset + width], "little")
    if span < layout.size or span % ALIGNMENT:
        return f"its span of {span:#x} bytes is none"
    if span > len(data) - at:
        return f"its span of {span:#x} bytes leads out of the heap"
    return "its check word is wrong"
