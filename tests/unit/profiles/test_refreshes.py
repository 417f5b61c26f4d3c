"""What a series of refreshes reads: the log's new lines alone, page tables now and then over a slow line."""

from __future__ import annotations

import struct
import time

import pytest

from tests.support.kernel import Guest, kernel
from tests.support.page_tables import TableBuilder
from unidbg.profiles.log import EXPECTED, spans
from unidbg.profiles.tables import WALK_AGE
from unidbg.program.constants import AGE
from unidbg.program.paging import WRITABLE
from unidbg.session import ImageSpec, Session
from unidbg.views.system import DevicesView, LogView, MemoryView

SIZE = 2048
RING = 0x30_4000


class Log:
    """A guest that logs into a ring of `SIZE` bytes."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.text = b""
        guest.memory.plant(guest.member("log_ring", "size"), struct.pack("<I", SIZE))
        guest.memory.plant(guest.member("log_ring", "buffer"), struct.pack("<Q", RING))
        self.say(b"")

    def say(self, text: bytes) -> None:
        for number, byte in enumerate(text):
            self.guest.memory.plant(RING + (len(self.text) + number) % SIZE, bytes([byte]))
        self.text += text
        self.guest.memory.plant(self.guest.member("log_ring", "written"), struct.pack("<Q", len(self.text)))
        self.guest.memory.log.clear()


@pytest.fixture
def log() -> Log:
    return Log(kernel(running=True))


@pytest.fixture
def session(log: Log) -> Session:
    return Session.over(log.guest.target, images=[ImageSpec(log.guest.path)])


def ring_bytes(log: Log) -> int:
    return sum(length for address, length in log.guest.memory.log if RING <= address < RING + SIZE)


def lines(session: Session) -> tuple[str, ...]:
    view = session.view("log")
    assert isinstance(view, LogView)
    return view.lines


def test_only_what_is_new_is_read_and_nothing_is_lost(log: Log, session: Session) -> None:
    for number in range(200):
        log.say(f"line {number} {'x' * (number % 40)}\n".encode())
        kept = log.text[-SIZE:] if len(log.text) > SIZE else log.text
        assert "\n".join(lines(session)) + "\n" == kept.decode()
        if number > 2:
            assert ring_bytes(log) <= EXPECTED + 256


def test_a_burst_is_followed_and_more_than_the_ring_is_read_anew(log: Log, session: Session) -> None:
    log.say(b"first\n")
    lines(session)
    for size in (EXPECTED * 2, SIZE - 10, SIZE, SIZE * 3):
        log.say(b"y" * (size - 1) + b"\n")
        lines(session)
        log.say(b"after\n")
        assert "\n".join(lines(session)) + "\n" == log.text[-SIZE:].decode()


def test_a_guest_that_began_anew_is_noticed(log: Log, session: Session) -> None:
    log.say(b"old life\n" * 20)
    lines(session)
    log.text = b""
    log.say(b"new life\n" * 25)
    assert lines(session) == ("new life",) * 25


def test_spans_wrap() -> None:
    assert spans(10, 23, 4) == [(3, 4)]
    assert spans(10, 28, 4) == [(8, 2), (0, 2)]


def with_tables(guest: Guest, kind: str) -> TableBuilder:
    tables = TableBuilder(base=0x80_0000)
    tables.map(0x10_0000, 0x10_0000, 0)
    for at, data in ((a, struct.pack("<512Q", *entries)) for a, entries in tables.tables.items()):
        guest.memory.plant(at, data)
    guest.target.kind = kind
    guest.target.fake_registers.values["1"].update(cr3=tables.root)
    return tables


def table_reads(guest: Guest) -> int:
    return sum(1 for address, _ in guest.memory.log if address >= 0x80_0000)


@pytest.mark.parametrize(("kind", "each_time"), [("unidbg", False), ("qemu", True)])
def test_tables_over_a_slow_line_are_walked_now_and_then(
    kind: str, each_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    guest = kernel(running=True)
    tables = with_tables(guest, kind)
    session = Session.over(guest.target, images=[ImageSpec(guest.path)])
    session.view("memory")
    guest.memory.log.clear()
    for _ in range(3):
        session.view("memory")
    assert (table_reads(guest) > 0) == each_time
    tables.map(0x10_1000, 0x50_1000, WRITABLE)
    for at, entries in tables.tables.items():
        guest.memory.plant(at, struct.pack("<512Q", *entries))
    clock[0] += WALK_AGE + 1
    guest.target.fake_run.stops = 0
    session.view("memory")
    again = session.view("memory")
    assert isinstance(again, MemoryView)
    assert len(again.regions) == 2
    assert guest.target.fake_run.stops == 2


def name_reads(guest: Guest) -> int:
    """How often read-only data of the image was read."""
    extents = [(s.vaddr, s.vaddr + s.filesz) for s in guest.image.segments if not s.flags & 2]
    return sum(any(start <= at < end for start, end in extents) for at, _ in guest.memory.log)


@pytest.mark.parametrize(("kind", "each_time"), [("unidbg", False), ("qemu", True)])
def test_read_only_data_is_not_brought_again_over_a_slow_line(
    kind: str, each_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    guest = kernel(running=True)
    guest.target.kind = kind
    session = Session.over(guest.target, images=[ImageSpec(guest.path)])
    for _ in range(2):
        session.view("devices")
    guest.memory.log.clear()
    for _ in range(3):
        view = session.view("devices")
        assert isinstance(view, DevicesView)
        assert view.devices[0].name == "uart0"
    assert (name_reads(guest) > 0) == each_time


def test_read_only_data_that_was_written_to_is_seen_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    guest = kernel(running=True)
    session = Session.over(guest.target, images=[ImageSpec(guest.path)])
    for _ in range(3):
        session.view("devices")
    at = guest.program.value("devices").devices[0].name.int_()
    guest.memory.plant(at, b"UART")
    assert first_name(session) == "uart0"
    clock[0] += AGE + 1
    first_name(session)
    assert first_name(session) == "UART0"


def first_name(session: Session) -> str:
    view = session.view("devices")
    assert isinstance(view, DevicesView)
    return view.devices[0].name
