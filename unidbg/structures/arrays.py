"""Arrays that a count beside them bounds, believed no further than their type and our caps allow."""

from __future__ import annotations

from collections.abc import Iterator

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


def _pieces(value: Value, start: int, size: int, count: int) -> Iterator[bytes | None]:
    try:
        whole = value.memory_.read(start, size * count)
    except MemoryFault:
        yield from value.memory_.read_many([(start + i * size, size) for i in range(count)])
        return
    for index in range(count):
        yield whole[index * size : (index + 1) * size]
