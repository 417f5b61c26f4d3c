"""What a session shows of the stub's core: views, threads, reasons; over sockets, pipes, bad serial lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from tests.pair.wire import Wire
from tests.support.stub_host import Host, HostBuild, Served
from unidbg.errors import MemoryFault
from unidbg.session import ImageSpec, Session
from unidbg.target import open_target
from unidbg.target.rsptarget import RspTarget
from unidbg.views.system import HeapView, LoopView, ThreadsView

LONG_ENOUGH = 20.0
DEVICE = 0xFEE00000


@pytest.fixture
def target(served: Served) -> Iterator[RspTarget]:
    """The client, attached over a loopback socket."""
    opened = open_target(served.address)
    assert isinstance(opened, RspTarget)
    with opened:
        yield opened
    assert served.alive()


def test_the_client_knows_the_stub(target: RspTarget) -> None:
    assert target.kind == "unidbg"
    assert target.architecture == "x86_64"
    assert [thread.id for thread in target.threads()] == ["1", "2", "1234567"]
    assert target.exec_file()


def test_registers_and_memory(target: RspTarget, names: dict[str, int]) -> None:
    assert target.registers is not None
    registers = target.registers.read("1")
    assert registers["rip"] == names["main_loop"] + 1
    assert registers["cr3"] == 0
    assert target.registers.read("2")["rax"] is None
    assert target.memory.read(names["text"], 5) == b"hello"
    ranges = [(names["text"], 5), (0x1000, 8), (DEVICE, 4), (0x300000, 8)]
    assert target.memory.read_many(ranges) == [b"hello", None, None, bytes(8)]
    with pytest.raises(MemoryFault) as caught:
        target.memory.read(0x303FFC, 8)
    assert caught.value.address == 0x304000


def test_the_reason_of_a_crash(target: RspTarget, names: dict[str, int]) -> None:
    run = target.run
    assert run is not None
    with run.stopped():
        memory = target.memory
        assert hasattr(memory, "write")
        memory.write(names["crash"], names["crash_read"].to_bytes(8, "little"))
        run.resume()
        reason = run.wait(LONG_ENOUGH)
    assert (reason.kind, reason.signal) == ("exception", 11)
    assert "page fault: read of 0x1000" in reason.text


def check_views(session: Session) -> None:
    heap = session.view("heap")
    assert isinstance(heap, HeapView), heap
    assert (heap.allocated_bytes, heap.peak_bytes, heap.count) == (512, 768, 2)
    loop = session.view("loop")
    assert isinstance(loop, LoopView), loop
    assert [timer.callback.symbol for timer in loop.timers] == ["tick_timer"]
    threads = session.view("threads")
    assert isinstance(threads, ThreadsView), threads


def check_long_output(session: Session) -> None:
    assert session.monitor("lines").splitlines() == [f"line {number}" for number in range(1000)]


def test_views_over_a_socket(served: Served, build: HostBuild) -> None:
    with Session.open(served.address, images=[ImageSpec(str(build.image))]) as session:
        check_views(session)
        check_long_output(session)


def test_views_over_standard_input_and_output(build: HostBuild) -> None:
    command = shlex.join([str(build.program), "--stdio", str(build.image)])
    with Session.open(f"exec:{command}", images=[ImageSpec(str(build.image))]) as session:
        check_views(session)
        check_long_output(session)


@pytest.mark.parametrize(
    ("fragment", "damage", "lose_acks"),
    [(True, 0, 0), (False, 0, 3), (False, 1607, 0), (True, 1607, 7)],
    ids=["one-byte-at-a-time", "lost-acknowledgements", "damage", "all"],
)
def test_views_over_a_bad_serial_line(build: HostBuild, fragment: bool, damage: int, lose_acks: int) -> None:
    with (
        Host(build, "--packet", "1100", tick=10) as host,
        Wire(host, fragment=fragment, damage=damage, lose_acks=lose_acks) as wire,
    ):
        with Session.open(f"serial:{wire.path}", images=[ImageSpec(str(build.image))]) as session:
            check_views(session)
            if not (lose_acks or damage):  # what is sent again comes twice: RSP numbers no packets
                check_long_output(session)
        assert wire.passed > 3_000
