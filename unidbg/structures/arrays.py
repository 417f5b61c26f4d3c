"""Arrays that a count beside them bounds, believed no further than their type and our caps allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from unidbg_symbols import types as t

from unidbg.errors import MemoryFault
from unidbg.program.value import Value
from unidbg.structures.faults import Faults

MAX_ITEMS = 4096
"""Elements of a list that are decoded: a count beyond this is corrupt, or not for a screen."""
MAX_LIST_BYTES = 8 << 20


def believable(count: int, name: str, value: Value, faults: Faults, where: str, at: int | None) -> int:
    """How many elements of `value` to decode when the guest's `name` (at address `at`) says `count`."""
    room = array_count(value.type_)
    if count < 0:
        faults.add(where, f"`{name}` is {count}, which is negative", at)
        return 0
    if room is not None and count > room:
        faults.add(where, f"`{name}` says {count}, but the array has {room} elements", at)
        count = room
    if count > MAX_ITEMS:
        faults.add(where, f"`{name}` says {count}: only the first {MAX_ITEMS} are decoded", at)
        count = MAX_ITEMS
    return count


def array_count(type_: t.Type) -> int | None:
    """Elements of an array type, `None` for a pointer or an array without a bound."""
    plain = t.strip(type_)
    return plain.count if isinstance(plain, t.ArrayType) else None


def elements(value: Value, count: int, faults: Faults, where: str) -> Iterator[Value]:
    """The first `count` elements of an array or behind a pointer, read in one piece where that can be had."""
    plain = t.strip(value.type_)
    element = plain.element if isinstance(plain, t.ArrayType) else getattr(plain, "target", None)
    size = (element.size or 0) if element is not None else 0
    if element is None or size == 0:
        faults.add(where, f"{value.type_.name} is no list", value.address_)
        return
    start = value.int_() if value.is_pointer_() else value.address_ or 0
    if size * count > MAX_LIST_BYTES:
        count = MAX_LIST_BYTES // size
        faults.add(where, f"only the first {count} elements are decoded: they are {size} bytes each", start)
    for index, data in enumerate(_pieces(value, start, size, count)):
        if data is None:
            faults.add(f"{where}[{index}]", "unreadable", start + index * size)
            return
        yield Value(value.memory_, element, start + index * size, data)


class Marked(NamedTuple):
    """Which structs of a table are wanted, and what of them.

    Those whose member `mark` is not 0, and of these the bytes from the first to the last of `members`. For
    slow lines and large tables of which little is in use.
    """

    mark: str
    members: Sequence[str]


def marked(value: Value, count: int, wanted: Marked, faults: Faults, where: str) -> Iterator[Value]:
    """Those of the first `count` structs that are wanted; members that are not wanted read as 0."""
    plain = t.strip(value.type_)
    element = plain.element if isinstance(plain, t.ArrayType) else getattr(plain, "target", None)
    struct = t.strip(element) if element is not None else None
    if element is None or not isinstance(struct, t.StructType) or wanted.mark not in struct:
        yield from elements(value, count, faults, where)
        return
    size = struct.size or 0
    start = value.int_() if value.is_pointer_() else value.address_ or 0
    mark, (low, high) = struct.member(wanted.mark), _span(struct, wanted)
    places = [start + n * size for n in range(count)]
    marks = value.memory_.read_many([(place + mark.offset, mark.type.size) for place in places])
    used = [
        (n, place)
        for n, (place, found) in enumerate(zip(places, marks, strict=True))
        if found != bytes(len(found or b""))
    ]
    pieces = value.memory_.read_many([(place + low, high - low) for _, place in used])
    for (n, place), piece in zip(used, pieces, strict=True):
        if piece is None:
            return faults.add(f"{where}[{n}]", "unreadable", place)
        yield Value(value.memory_, element, place, bytes(low) + piece + bytes(size - high))


def _span(struct: t.StructType, wanted: Marked) -> tuple[int, int]:
    """(first, end) of the bytes that hold what is wanted."""
    members = [struct.member(name) for name in (wanted.mark, *wanted.members) if name in struct]
    return min(one.offset for one in members), max(one.offset + one.type.size for one in members)


def _pieces(value: Value, start: int, size: int, count: int) -> Iterator[bytes | None]:
    try:
        whole = value.memory_.read(start, size * count)
    except MemoryFault:
        yield from value.memory_.read_many([(start + i * size, size) for i in range(count)])
        return
    for index in range(count):
        yield whole[index * size : (index + 1) * size]
