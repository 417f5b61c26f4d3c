"""Minimal dumps, and lines that break while one is received."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.fake_target import FakeMemory
from tests.support.kernel import Guest, kernel
from unidbg.cli import receiving
from unidbg.errors import MemoryFault, TargetGone
from unidbg.program.recording import RecordedSpace
from unidbg.session import ImageSpec, Session
from unidbg.views.base import View

VIEWS = ("heap", "loop", "boot", "devices", "app", "log", "threads")


def facts(session: Session) -> list[object]:
    """What the views show, but for where it comes from."""
    found: list[object] = []
    for name in VIEWS:
        view = session.view(name)
        assert isinstance(view, View), view
        found.append({key: getattr(view, key) for key in view.__match_args__ if key != "provenance"})
    return found


def session(guest: Guest) -> Session:
    return Session.over(guest.target, images=[ImageSpec(guest.path)])


def test_a_minimal_dump_shows_what_the_guest_showed(tmp_path: Path) -> None:
    guest = kernel()
    core = tmp_path / "small.core"
    report = receiving.minimal(session(guest), str(core), pack=False)
    assert report.memory_bytes < 100 << 10
    assert report.vcpus == 1
    with Session.open(str(core), images=[ImageSpec(guest.path)]) as again:
        assert facts(again) == facts(session(guest))
        assert again.program.modules[0].verified == "build-id"
        assert not getattr(again.target, "notes", ())


class BrokenLine:
    """Memory behind a line that dies after so many reads."""

    def __init__(self, memory: FakeMemory, reads: int) -> None:
        self._memory, self._left = memory, reads

    def _one(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise TargetGone("the line is gone")

    def read(self, address: int, length: int) -> bytes:
        self._one()
        return self._memory.read(address, length)

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
        self._one()
        return self._memory.read_many(ranges)

    def regions(self) -> Sequence[object]:
        return ()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "PAUSE", 0.0)


def connections(guest: Guest, *reads: int) -> Iterator[Session]:
    """A session for each number of reads after which its line breaks."""
    for number in reads:
        guest.target.memory = guest.memory
        opened = session(guest)
        opened.target.memory = BrokenLine(guest.memory, number)  # type: ignore[misc, assignment]
        yield opened


def test_a_broken_transfer_goes_on_where_it_was(tmp_path: Path) -> None:
    guest, said = kernel(), list[str]()
    core = tmp_path / "received.core"
    lines = connections(guest, 3, 4, 5, 10_000)
    guest.memory.log.clear()
    receiving.receive(lambda: next(lines), str(core), pack=False, tries=3, say=said.append)
    assert sum("trying again" in line for line in said) >= 2
    # Finding the image is repeated with each connection, what the dump needs is not.
    stack = [one for one in guest.memory.log if one[0] >= 0x30_0000]
    assert stack
    assert len(stack) == len(set(stack))
    with Session.open(str(core), images=[ImageSpec(guest.path)]) as again:
        guest.target.memory = guest.memory
        assert facts(again) == facts(session(guest))


def test_what_arrived_is_kept(tmp_path: Path) -> None:
    guest, said = kernel(), list[str]()
    core = tmp_path / "received.core"
    lines = connections(guest, 12, 0, 0, 0, 0)
    receiving.receive(lambda: next(lines), str(core), pack=False, tries=1, say=said.append)
    assert "writing what arrived" in said[-1]
    with Session.open(str(core), images=[ImageSpec(guest.path)]) as again:
        assert again.registers().registers
        threads = again.backtrace()
        assert threads.threads[0].frames


def test_nothing_is_no_dump(tmp_path: Path) -> None:
    guest = kernel()
    lines = connections(guest, 0, 0, 0, 0)
    with pytest.raises(TargetGone, match="nothing of it arrived"):
        receiving.receive(
            lambda: next(lines), str(tmp_path / "core"), pack=False, tries=1, say=lambda text: None
        )
    assert list(tmp_path.iterdir()) == []


def test_recorded_pieces_are_disjoint() -> None:
    space = RecordedSpace()
    space.source = FakeMemory({0x1000: bytes(range(256)) * 16})
    for address, length in ((0x1000, 64), (0x1020, 64), (0x1010, 8), (0x1100, 4), (0x1104, 4), (0x1F00, 256)):
        space.read(address, length)
    with pytest.raises(MemoryFault):
        space.read(0x1FF0, 64)
    space.source = None
    assert space.read(0x1020, 64) == (bytes(range(256)) * 16)[0x20:0x60]
    with pytest.raises(MemoryFault, match="the guest is gone"):
        space.read(0x1500, 1)
    pieces = [(one.start, len(one.data)) for one in space.pieces()]
    assert pieces == [(0x1000, 0x60), (0x1100, 8), (0x1F00, 256)]
    assert pieces[0][1] == 0x60
    assert all(
        one.data == (bytes(range(256)) * 16)[one.start - 0x1000 :][: len(one.data)] for one in space.pieces()
    )
