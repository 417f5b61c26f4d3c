"""What one refresh reads is what the next one fetches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_target import FakeMemory, FakeTarget
from unidbg.errors import MemoryFault
from unidbg.program.capture import Capture
from unidbg.program.snapshot import SnapshotMemory, SnapshotMiss, merge_ranges


def test_a_second_refresh_needs_one_round_trip() -> None:
    source = FakeMemory({0x1000: bytes(range(256)), 0x9000: b"far away"})
    first = SnapshotMemory(source)
    assert first.read(0x1010, 4) == bytes(range(0x10, 0x14))
    assert first.read(0x1020, 2) == bytes(range(0x20, 0x22))
    assert first.read(0x9000, 3) == b"far"
    second = SnapshotMemory(source)
    source.round_trips = 0
    second.fetch(first.read_set())
    second.detach()
    assert second.read(0x1010, 4) == bytes(range(0x10, 0x14))
    assert second.read(0x9001, 2) == b"ar"
    assert source.round_trips == 1
    assert not second.late


def test_leaving_the_fetched_ranges_while_the_guest_runs_is_a_miss() -> None:
    memory = SnapshotMemory(FakeMemory({0x1000: bytes(64)}))
    memory.detach()
    with pytest.raises(SnapshotMiss):
        memory.read(0x1000, 8)
    with pytest.raises(SnapshotMiss):
        memory.read_many([(0x1000, 8)])


def test_unreadable_ranges_stay_unreadable_without_asking_again() -> None:
    source = FakeMemory({0x1000: bytes(64)})
    first = SnapshotMemory(source)
    assert first.read_many([(0x1000, 4), (0x5000, 4)]) == [bytes(4), None]
    with pytest.raises(MemoryFault):
        first.read(0x6000, 8)
    second = SnapshotMemory(source)
    second.fetch(first.read_set())
    second.detach()
    assert second.read_many([(0x5000, 4), (0x1000, 4)]) == [None, bytes(4)]
    with pytest.raises(MemoryFault):
        second.read(0x6000, 8)


def test_a_snapshot_does_not_change_under_the_reader() -> None:
    source = FakeMemory({0x1000: b"before"})
    memory = SnapshotMemory(source)
    assert memory.read(0x1000, 6) == b"before"
    source.plant(0x1000, b"after!")
    assert memory.read(0x1000, 6) == b"before"


@pytest.mark.parametrize(
    ("ranges", "merged"),
    [
        ([(0, 4), (4, 4)], [(0, 8)]),
        ([(0, 8), (2, 2)], [(0, 8)]),
        ([(0, 4), (40, 4)], [(0, 44)]),
        ([(0, 4), (4000, 4)], [(0, 4), (4000, 4)]),
        ([(4090, 6), (4096, 4)], [(4090, 10)]),
        ([(4090, 4), (4100, 4)], [(4090, 4), (4100, 4)]),
    ],
)
def test_merging(ranges: list[tuple[int, int]], merged: list[tuple[int, int]]) -> None:
    assert merge_ranges(ranges) == merged


def test_a_capture_fetches_registers_and_the_moved_stack() -> None:
    memory = FakeMemory({0x8000: bytes(0x4000), 0x100: b"global!!"})
    target = FakeTarget(memory, registers={"1": {"rsp": 0x8100, "rip": 0x10}})
    first = Capture(target)
    first.threads()
    assert first.registers is not None
    first.registers.read("1")
    first.memory.read(0x8110, 8)
    first.memory.read(0x100, 8)
    plan = first.plan()
    assert plan.virtual == ((0x100, 8),)
    target.fake_registers.values["1"]["rsp"] = 0x9FF0
    memory.round_trips = 0
    second = Capture(target).prefetch(plan)
    second.detach()
    assert second.registers is not None
    assert second.registers.read("1")["rsp"] == 0x9FF0
    assert second.memory.read(0x9FF8, 8) == bytes(8)
    assert second.memory.read(0xA010, 8) == bytes(8)
    assert second.memory.read(0x100, 8) == b"global!!"
    assert memory.round_trips == 1
    assert second.complete


RANGES = st.lists(st.tuples(st.integers(0xFF0, 0x3010), st.integers(1, 600)), min_size=1, max_size=20)


@given(RANGES, RANGES)
def test_what_was_read_is_had_again_without_the_guest(
    first: list[tuple[int, int]], more: list[tuple[int, int]]
) -> None:
    """Whatever was read, readable or not, is answered alike by a snapshot of the same ranges."""
    source = FakeMemory({0x1000: bytes(n * 7 & 255 for n in range(0x1000)), 0x2800: b"z" * 0x400})
    live = SnapshotMemory(source)
    answers = [answer(live, r) for r in first] + live.read_many(more)
    again = SnapshotMemory(source)
    again.fetch(live.read_set())
    again.detach()
    assert [answer(again, r) for r in first] + again.read_many(more) == answers


def answer(memory: SnapshotMemory, wanted: tuple[int, int]) -> bytes | int:
    """The bytes, or the first bad address."""
    try:
        return memory.read(*wanted)
    except MemoryFault as fault:
        return fault.address
