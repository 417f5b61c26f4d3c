"""What is held of a guest's memory is what its memory holds, whatever changes between two looks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from unidbg.rsp.memory import memory_sum
from unidbg.target.rereading import GRAIN, LONG, PATIENCE, SPAN, STALE, Rereading

SIZE = 3 * 4096
Range = tuple[int, int]


class Guest:
    """Memory that is looked at, and how many of its bytes were sent."""

    def __init__(self, ranges: list[Range], size: int = SIZE) -> None:
        self.memory = bytearray(bytes(range(251)) * 50)[:size]
        self.ranges = ranges
        self.known = Rereading()
        self.sent = 0
        self.looks = 0

    def look(self) -> bool:
        """One look; whether it was enough."""
        question = self.known.ask(self.ranges)
        self.looks += 1
        same = [self.known.confirm(at, memory_sum(self._at(at))) for at in question.sums]
        for at in question.reads:
            self.known.learn(at, self._at(at))
            self.sent += at[1]
        return all(same)

    def refresh(self) -> None:
        """Looks, until one was enough; nothing changes in between."""
        self.known.begin()
        while not self.look():
            pass
        assert all(self.known.data(at) == self._at(at) for at in self.ranges)

    def _at(self, at: Range) -> bytes:
        address, length = at
        return bytes(self.memory[address : address + length])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, SIZE + 40), st.integers(0, 700)), max_size=8),
    st.lists(st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, 255)), max_size=4), max_size=12),
)
def test_what_is_held_is_what_is_there(ranges: list[Range], changes: list[list[tuple[int, int]]]) -> None:
    guest = Guest(ranges)
    for written in changes:
        for address, value in written:
            guest.memory[address] = value
        guest.refresh()


def test_what_does_not_change_is_sent_twice() -> None:
    guest = Guest([(0, SPAN + 100), (4096, 8)])
    guest.refresh()
    guest.refresh()
    before = guest.sent
    for _ in range(PATIENCE):
        guest.refresh()
    assert guest.sent - before <= PATIENCE * GRAIN  # eight bytes cost less than a sum of them
    assert guest.looks == 2 + PATIENCE


def test_what_is_long_is_sent_once() -> None:
    guest = Guest([(4096, LONG)])
    guest.refresh()
    guest.refresh()
    assert guest.sent == LONG


def test_what_changes_is_sent_at_each_look_and_no_surprise() -> None:
    guest = Guest([(0, SPAN)])
    guest.refresh()
    guest.refresh()
    for number in range(10):
        guest.memory[100] = number
        guest.refresh()
    assert guest.looks == 2 + 11  # the first change was a surprise
    assert guest.sent < 4 * SPAN


def test_what_surprises_often_is_read_ever_longer() -> None:
    guest = Guest([(0, SPAN)])
    for number in range(20 * PATIENCE):
        if number % (PATIENCE + 2) == 0:
            guest.memory[100] = number % 251
        guest.refresh()
    assert guest.looks <= 20 * PATIENCE + 3


def test_what_changes_before_it_was_looked_at_twice_is_no_surprise() -> None:
    guest = Guest([(0, 1024)])
    for number in range(10):
        guest.memory[100] = number
        guest.refresh()
    assert guest.looks == 10


def test_one_sum_covers_ranges_with_gaps_but_no_gap_that_changes() -> None:
    guest = Guest([(start, 4) for start in range(0, 2400, 240)])
    guest.refresh()
    guest.refresh()
    assert len(guest.known.ask(guest.ranges).sums) == -(-2400 // SPAN)
    for number in range(4):
        guest.memory[600] = number
        guest.refresh()
    assert guest.looks == 2 + 1 + 4
    assert guest.known.ask(guest.ranges).reads == []


def test_what_nobody_asked_for_long_is_read_again() -> None:
    guest = Guest([(0, 256)])
    guest.refresh()
    guest.refresh()
    assert guest.known.ask(guest.ranges).reads == []
    for _ in range(STALE + 1):
        guest.known.begin()
    assert guest.known.ask(guest.ranges).reads == [(0, 256)]


def test_memory_that_vanishes_is_not_held() -> None:
    guest = Guest([(0, 4096), (4096, 64)], size=4096 + 40)
    guest.known.begin()
    guest.look()
    assert guest.known.data((4096, 64)) == bytes(guest.memory[4096:])
    del guest.memory[4096:]
    guest.known.begin()
    assert not guest.look() or guest.known.data((4096, 64)) == b""
    guest.look()
    assert guest.known.data((4096, 64)) == b""
    assert guest.known.data((0, 4096)) == bytes(guest.memory)


def test_a_stub_without_sums_is_asked_for_everything() -> None:
    guest = Guest([(0, 256)])
    guest.known.sums = False
    guest.refresh()
    guest.refresh()
    assert guest.sent == 512


def test_what_was_never_read_is_told_apart() -> None:
    guest = Guest([(0, 64)])
    guest.refresh()
    assert guest.known.unknown([(0, 64)]).reads == []
    assert guest.known.unknown([(32, 100)]).reads == [(64, 96)]


def test_digits_are_counted_with_runs_shortened() -> None:
    known = Rereading()
    known.learn((0, 64), bytes(range(64)))
    known.learn((64, 64), bytes(64))
    assert 120 < known.digits((0, 64)) <= 128
    assert known.digits((64, 64)) <= 6
    assert known.digits((4096, 64)) == 128
