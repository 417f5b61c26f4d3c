"""Split virtqueues over planted memory: good ones, and ones that no driver or device should have written."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_target import FakeMemory
from unidbg.structures import virtqueue
from unidbg.structures.faults import Faults
from unidbg.structures.virtqueue import INDIRECT, NEXT, WRITE, Place
from unidbg.views.network import Chain

DESC, AVAIL, USED, TABLE = 0x10_000, 0x20_000, 0x30_000, 0x40_000
SIZE = 8
PLACE = Place(SIZE, DESC, AVAIL, USED)
Entry = tuple[int, int, int, int]
"""Address, length, flags, next."""


class Queue:
    """A queue in memory; everything in it can be set."""

    def __init__(self, size: int = SIZE) -> None:
        self.desc: dict[int, Entry] = {}
        self.avail: list[int] = []
        self.used: list[tuple[int, int]] = []
        self.size = size
        self.first = 0
        self.table: tuple[Entry, ...] = ()

    def memory(self) -> FakeMemory:
        desc = b"".join(struct.pack("<QIHH", *self.desc.get(n, (0, 0, 0, 0))) for n in range(self.size))
        avail, used = [0] * self.size, [(0, 0)] * self.size
        for n, head in enumerate(self.avail):
            avail[(self.first + n) % self.size] = head
        for n, element in enumerate(self.used):
            used[(self.first + n) % self.size] = element
        ends = [(self.first + len(part)) & 0xFFFF for part in (self.avail, self.used)]
        return FakeMemory(
            {
                DESC: desc,
                AVAIL: struct.pack(f"<HH{self.size}HH", 0, ends[0], *avail, 3),
                USED: struct.pack("<HH", 1, ends[1])
                + b"".join(struct.pack("<II", *e) for e in used)
                + b"\5\0",
                TABLE: b"".join(struct.pack("<QIHH", *entry) for entry in self.table),
            }
        )


def look(queue: Queue, last_used: int | None = None) -> tuple[tuple[Chain, ...], list[str]]:
    """(chains, faults) with nothing taken of what is used, unless said."""
    memory, faults = queue.memory(), Faults()
    place = PLACE._replace(size=queue.size)
    assert virtqueue.validate_place(place, faults, "queue")
    indexes = virtqueue.read_indexes(memory, place, faults, "queue")
    assert indexes is not None
    reader = virtqueue.Reader(memory, lambda: memory, place, faults, "queue")
    chains = reader.chains(indexes, queue.first if last_used is None else last_used)
    return chains, [f"{fault.where}: {fault.reason}" for fault in faults.all()]


def test_a_request_of_three_buffers_is_one_chain() -> None:
    queue = Queue()
    queue.desc = {5: (0x1000, 12, NEXT, 2), 2: (0x2000, 60, NEXT, 0), 0: (0x3000, 512, WRITE, 7)}
    queue.avail = [5]
    chains, faults = look(queue)
    assert faults == []
    (chain,) = chains
    assert (chain.head, chain.state, chain.written_bytes) == (5, "available", None)
    found = [(each.index, each.address, each.length_bytes, each.device_writes) for each in chain.descriptors]
    assert found == [(5, 0x1000, 12, False), (2, 0x2000, 60, False), (0, 0x3000, 512, True)]


@pytest.mark.parametrize("first", [0, 6, 65_534])
def test_what_came_back_stands_before_what_is_with_the_device(first: int) -> None:
    queue = Queue()
    queue.first = first
    queue.desc = {n: (n << 12, 2048, WRITE, 0) for n in range(4)}
    queue.avail, queue.used = [3, 1, 0, 2], [(1, 64), (3, 2048)]
    chains, faults = look(queue)
    assert faults == []
    assert [(chain.head, chain.state, chain.written_bytes) for chain in chains] == [
        (1, "used", 64), (3, "used", 2048), (0, "available", None), (2, "available", None),
    ]  # fmt: skip


def test_what_the_driver_took_is_its_own_again() -> None:
    queue = Queue()
    queue.desc, queue.avail, queue.used = {1: (0x1000, 8, WRITE, 0)}, [1], [(1, 8)]
    assert look(queue, last_used=1) == ((), [])


def test_both_event_indexes_are_read() -> None:
    faults = Faults()
    indexes = virtqueue.read_indexes(Queue().memory(), PLACE, faults, "queue")
    assert indexes is not None
    assert (indexes.used_event, indexes.avail_event, indexes.avail_flags, indexes.used_flags) == (3, 5, 0, 1)
    assert not len(faults)


def test_an_indirect_table_stands_behind_its_descriptor() -> None:
    queue = Queue()
    queue.table = ((0x5000, 16, NEXT, 1), (0x6000, 32, WRITE, 0))
    queue.desc, queue.avail = {4: (TABLE, 32, INDIRECT, 0)}, [4]
    (chain,), faults = look(queue)
    assert faults == []
    assert [(d.index, d.address, d.indirect) for d in chain.descriptors] == [
        (4, TABLE, True), (0, 0x5000, False), (1, 0x6000, False),
    ]  # fmt: skip


def broken(**parts: object) -> Queue:
    queue = Queue()
    for name, value in parts.items():
        setattr(queue, name, value)
    return queue


@pytest.mark.parametrize(
    ("queue", "fault"),
    [
        (broken(avail=[8]), "chains[0].head: descriptor 8 lies outside of the table of 8"),
        (broken(desc={0: (0, 1, NEXT, 900)}, avail=[0]), "chains[0]: descriptor 900 lies outside"),
        (broken(desc={0: (0, 1, NEXT, 1), 1: (0, 1, NEXT, 0)}, avail=[0]), "back to descriptor 0"),
        (broken(desc={0: (0, 1, NEXT, 0)}, avail=[0]), "runs in a circle"),
        (broken(desc={0: (0, 1, 0, 0)}, avail=[0, 0]), "descriptor 0 is in the chain of 0 too"),
        (broken(avail=[0] * 9), "in_flight: 9 chains do not fit a queue of 8"),
        (broken(used=[(0, 0)] * 9, avail=[0] * 9), "untaken: 9 chains do not fit a queue of 8"),
        (broken(used=[(77, 0)], avail=[0]), "chains[0].head: descriptor 77 lies outside"),
        (broken(desc={0: (0, 4, WRITE, 0)}, used=[(0, 5)], avail=[0]), "but the chain has room for 4"),
        (broken(desc={0: (0, 4, WRITE | NEXT, 1), 1: (0, 4, 0, 0)}, avail=[0]), "stands behind one that it"),
        (broken(desc={0: (TABLE, 24, INDIRECT, 0)}, avail=[0]), "an indirect table of 24 bytes"),
        (broken(desc={0: (TABLE, 0, INDIRECT, 0)}, avail=[0]), "an indirect table of 0 bytes"),
        (broken(desc={0: (TABLE, 16 * 9, INDIRECT, 0)}, avail=[0]), "an indirect table of 144 bytes"),
        (broken(desc={0: (0xDEAD_0000, 16, INDIRECT, 0)}, avail=[0]), "physical 0xdead0000 is unreadable"),
        (
            broken(table=((TABLE, 16, INDIRECT, 0),), desc={0: (TABLE, 16, INDIRECT, 0)}, avail=[0]),
            "entry 0 of an indirect table is indirect itself",
        ),
        (
            broken(table=((0, 1, 0, 0),), desc={0: (TABLE, 16, INDIRECT | NEXT, 1)}, avail=[0]),
            "is indirect and has a successor",
        ),
    ],
)  # fmt: skip
def test_what_is_corrupt_is_told(queue: Queue, fault: str) -> None:
    _, faults = look(queue)
    assert any(fault in said for said in faults), faults


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        (PLACE._replace(size=0), "queue.size"),
        (PLACE._replace(size=1 << 20), "queue.size"),
        (PLACE._replace(size=7), "no power of two"),
        (PLACE._replace(desc=DESC + 8), "aligned to 16"),
        (PLACE._replace(avail=0), "queue.avail: there is none"),
    ],
)
def test_places_that_no_queue_has(place: Place, fault: str) -> None:
    faults = Faults()
    virtqueue.validate_place(place, faults, "queue")
    assert any(fault in f"{one.where}: {one.reason}" for one in faults.all())


def test_unreadable_parts_are_faults() -> None:
    queue, faults = Queue(), Faults()
    assert virtqueue.read_indexes(FakeMemory(), PLACE, faults, "queue") is None
    assert [fault.where for fault in faults.all()][:2] == ["queue.avail", "queue.used"]
    memory = queue.memory()
    reader = virtqueue.Reader(memory, lambda: memory, PLACE._replace(desc=0x99_0000), faults, "queue")
    assert reader.chains(virtqueue.Indexes(0, 1, 0, 0, 0, 0), 0)[0].descriptors == ()


@settings(max_examples=60, deadline=None)
@given(
    st.binary(min_size=16 * SIZE, max_size=16 * SIZE),
    st.binary(min_size=200, max_size=200),
    st.integers(0, 65_535),
)
def test_any_bytes_end_in_chains_and_faults(desc: bytes, rest: bytes, last_used: int) -> None:
    blocks = {DESC: desc, AVAIL: rest[:100], USED: rest[100:], TABLE: desc}
    memory, faults = FakeMemory(blocks), Faults()
    indexes = virtqueue.read_indexes(memory, PLACE, faults, "queue")
    assert indexes is not None
    few = indexes._replace(avail=(indexes.used + indexes.avail % (SIZE + 2)) & 0xFFFF)
    reader = virtqueue.Reader(memory, lambda: memory, PLACE, faults, "queue")
    chains = reader.chains(few, (few.used - last_used % (SIZE + 2)) & 0xFFFF)
    assert len(chains) <= 2 * SIZE
    assert all(len(chain.descriptors) <= 2 * SIZE for chain in chains)
