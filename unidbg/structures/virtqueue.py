"""Split virtqueues (Virtual I/O Device 1.1, section 2.6): the three shared parts, and the chains in them.

Everything here was written by a driver or a device that may be broken: indexes, lengths and links are
checked, walks are bounded by the size of the queue, and what cannot be believed becomes a fault.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from unidbg.errors import MemoryFault
from unidbg.structures.faults import Faults
from unidbg.target.base import AddressSpace
from unidbg.views.base import Address
from unidbg.views.network import Chain, Descriptor

DESCRIPTOR = struct.Struct("<QIHH")
USED_ELEMENT = struct.Struct("<II")
HEADER = struct.Struct("<HH")
"""Flags and index, with which both rings begin."""
_HEAD = struct.Struct("<H")
NEXT, WRITE, INDIRECT = 1, 2, 4
NO_INTERRUPT = NO_NOTIFY = 1
MAX_SIZE = 1 << 15
MAX_DESCRIPTORS = 8192
"""Descriptors of one queue that are shown: chains may share a long indirect table."""


class Place(NamedTuple):
    """Where a queue lies: guest-virtual addresses of its parts, and how many descriptors it has."""

    size: int
    desc: int
    avail: int
    used: int

    @property
    def used_event(self) -> int:
        """Behind the last entry of the avail ring."""
        return self.avail + HEADER.size + 2 * self.size

    @property
    def avail_event(self) -> int:
        """Behind the last entry of the used ring."""
        return self.used + HEADER.size + USED_ELEMENT.size * self.size


class Indexes(NamedTuple):
    """What the heads of both rings say, and the event indexes behind them."""

    avail_flags: int
    avail: int
    used_flags: int
    used: int
    used_event: int
    avail_event: int


def validate_place(place: Place, faults: Faults, where: str) -> bool:
    """Whether a queue can lie so; faults say what is wrong, also where that is no hindrance."""
    size = place.size
    if not 0 < size <= MAX_SIZE:
        faults.add(f"{where}.size", f"a queue has 1 to {MAX_SIZE} descriptors, not {size}")
        return False
    if size & (size - 1):
        faults.add(f"{where}.size", f"{size} descriptors are no power of two")
    for name, address, alignment in (
        ("descriptors", place.desc, 16),
        ("avail", place.avail, 2),
        ("used", place.used, 4),
    ):
        if address == 0:
            faults.add(f"{where}.{name}", "there is none: the pointer is NULL")
        elif address % alignment:
            faults.add(f"{where}.{name}", f"{address:#x} is not aligned to {alignment} bytes", address)
    return 0 not in place[1:]


def read_indexes(memory: AddressSpace, place: Place, faults: Faults, where: str) -> Indexes | None:
    """The few bytes that tell how far both sides are; `None` with a fault where they are unreadable."""
    ranges = [(place.avail, 4), (place.used, 4), (place.used_event, 2), (place.avail_event, 2)]
    names = ("avail", "used", "used_event", "avail_event")
    found = memory.read_many(ranges)
    for name, (address, _), data in zip(names, ranges, found, strict=True):
        if data is None:
            faults.add(f"{where}.{name}", "unreadable", address)
    avail, used, used_event, avail_event = found
    if avail is None or used is None:
        return None
    events = (int.from_bytes(event or b"", "little") for event in (used_event, avail_event))
    return Indexes(*HEADER.unpack(avail), *HEADER.unpack(used), *events)


def distance(later: int, earlier: int) -> int:
    """How far an index of 16 bits is ahead of another."""
    return (later - earlier) & 0xFFFF


class Reader:
    """Walks the chains of one queue.

    `physical` gives what descriptors point into, and where indirect tables lie; it is asked only for those.
    """

    def __init__(
        self,
        memory: AddressSpace,
        physical: Callable[[], AddressSpace],
        place: Place,
        faults: Faults,
        where: str,
    ) -> None:
        self._memory = memory
        self._physical = physical
        self._place = place
        self._faults = faults
        self._where = where
        self._table = b""
        self._owner: dict[int, int] = {}
        self._left = MAX_DESCRIPTORS

    def chains(self, indexes: Indexes, last_used: int, *, walk: bool = True) -> tuple[Chain, ...]:
        """Those that came back and were not taken, then those that the device has; each from the oldest on.

        Without `walk` only the indexes are judged.
        """
        size = self._place.size
        untaken = self._bounded("untaken", distance(indexes.used, last_used))
        available = self._bounded("in_flight", distance(indexes.avail, indexes.used))
        if not walk or not untaken + available:
            return ()
        self._table = self._part("descriptors", self._place.desc, DESCRIPTOR.size * size)
        used = self._part("used", self._place.used + HEADER.size, USED_ELEMENT.size * size if untaken else 0)
        avail = self._part("avail", self._place.avail + HEADER.size, 2 * size if available else 0)
        heads = [*_used(used, last_used, untaken, size), *_available(avail, indexes.used, available, size)]
        return tuple(self._all(heads))

    def _bounded(self, name: str, count: int) -> int:
        if count <= self._place.size:
            return count
        reason = f"{count} chains do not fit a queue of {self._place.size}: its indexes are wrong"
        self._faults.add(f"{self._where}.{name}", reason)
        return 0

    def _part(self, name: str, address: int, length: int) -> bytes:
        try:
            return self._memory.read(address, length) if length else b""
        except MemoryFault as fault:
            self._faults.add(f"{self._where}.{name}", f"unreadable: {fault.reason}", fault.address)
            return b""

    def _all(self, heads: list[tuple[int, int | None]]) -> Iterator[Chain]:
        for number, (head, written) in enumerate(heads):
            if self._left <= 0:
                reason = f"more than {MAX_DESCRIPTORS} descriptors: the rest is left out"
                self._faults.add(f"{self._where}.chains", reason)
                return
            yield self._chain(f"{self._where}.chains[{number}]", head, written)

    def _chain(self, where: str, head: int, written: int | None) -> Chain:
        descriptors = tuple(self._descriptors(where, head))
        self._left -= len(descriptors)
        if descriptors:
            self._check_room(where, descriptors, written)
        return Chain(head, "available" if written is None else "used", written, descriptors)

    def _check_room(self, where: str, descriptors: tuple[Descriptor, ...], written: int | None) -> None:
        """What the device wrote must fit; what it reads stands before what it writes (2.6.4.2)."""
        buffers = [each for each in descriptors if not each.indirect]
        room = sum(each.length_bytes for each in buffers if each.device_writes)
        if written is not None and written > room:
            reason = f"the device says {written} bytes, but the chain has room for {room}"
            self._faults.add(f"{where}.written_bytes", reason)
        turns = [each.device_writes for each in buffers]
        if turns != sorted(turns):
            self._faults.add(where, "a buffer that the device reads stands behind one that it writes")

    def _descriptors(self, where: str, head: int) -> Iterator[Descriptor]:
        """The chain from `head` on, with the entries of an indirect table behind the one that names it."""
        for at, flags, found in self._follow(where, self._table, head, f"{where}.head"):
            if at in self._owner:
                self._faults.add(where, f"descriptor {at} is in the chain of {self._owner[at]} too")
            self._owner.setdefault(at, head)
            yield found
            if found.indirect:
                if flags & NEXT:
                    self._faults.add(where, f"descriptor {at} is indirect and has a successor")
                yield from self._indirect(where, found)
                return

    def _indirect(self, where: str, outer: Descriptor) -> Iterator[Descriptor]:
        length = outer.length_bytes
        if length == 0 or length % DESCRIPTOR.size or length // DESCRIPTOR.size > self._place.size:
            reason = f"an indirect table of {length} bytes, in a queue of {self._place.size} descriptors"
            self._faults.add(where, reason, outer.address)
            return
        try:
            table = self._physical().read(outer.address, length)
        except MemoryFault as fault:
            reason = f"the indirect table at physical {outer.address:#x} is unreadable: {fault.reason}"
            self._faults.add(where, reason, fault.address)
            return
        for at, _, found in self._follow(where, table, 0, where):
            if found.indirect:
                self._faults.add(where, f"entry {at} of an indirect table is indirect itself", outer.address)
            yield found

    def _follow(
        self, where: str, table: bytes, first: int, where_first: str
    ) -> Iterator[tuple[int, int, Descriptor]]:
        """(index, flags, descriptor) from `first` on; a bad link or a circle ends it with a fault."""
        count, at, seen = len(table) // DESCRIPTOR.size, first, set[int]()
        while count:
            if at >= count:
                place = where if seen else where_first
                return self._faults.add(place, f"descriptor {at} lies outside of the table of {count}")
            if at in seen:
                return self._faults.add(where, f"the chain runs in a circle, back to descriptor {at}")
            seen.add(at)
            address, length, flags, following = DESCRIPTOR.unpack_from(table, at * DESCRIPTOR.size)
            yield (
                at,
                flags,
                Descriptor(at, Address(address), length, bool(flags & WRITE), bool(flags & INDIRECT)),
            )
            if not flags & NEXT:
                return None
            at = following
        return None


def _used(ring: bytes, first: int, count: int, size: int) -> list[tuple[int, int | None]]:
    """(head, bytes written) of `count` entries of the used ring; none where it was unreadable."""
    entries = range(first, first + count) if ring else ()
    return [USED_ELEMENT.unpack_from(ring, (at & 0xFFFF) % size * USED_ELEMENT.size) for at in entries]


def _available(ring: bytes, first: int, count: int, size: int) -> list[tuple[int, int | None]]:
    """Heads of `count` entries of the avail ring; none where it was unreadable."""
    entries = range(first, first + count) if ring else ()
    return [(_HEAD.unpack_from(ring, (at & 0xFFFF) % size * _HEAD.size)[0], None) for at in entries]
