"""Attaching to each kind of stub, reading, and leaving it as it was found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.stub import (
    BASE,
    PLAIN,
    QEMU,
    SOLO5,
    TORO,
    UNIDBG,
    UNIKRAFT,
    FakeStub,
    Flavour,
    attached,
)
from unidbg.errors import LocalProtocolError, MemoryFault, TargetError, TargetGone, TargetTimeout
from unidbg.target.base import Target, WritableMemory

FLAVOURS = {
    "plain": PLAIN,
    "qemu": QEMU,
    "solo5": SOLO5,
    "unikraft": UNIKRAFT,
    "toro": TORO,
    "unidbg": UNIDBG,
}
KINDS = {"qemu": "qemu", "unidbg": "unidbg"}
pytestmark = pytest.mark.timeout(20)


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_memory_is_read_from_every_kind_of_stub(flavour: str) -> None:
    stub, target = attached(FLAVOURS[flavour])
    assert isinstance(target, Target)
    with target:
        assert target.kind == KINDS.get(flavour, "rsp")
        assert target.memory.read(BASE + 1, 4) == b"\1\2\3\4"
        assert target.memory.read(BASE, 8192) == bytes(stub.memory[:8192])
        found = target.memory.read_many([(BASE, 2), (0x10, 4), (BASE + 255, 2), (BASE, 0)])
        assert found == [b"\0\1", None, b"\xff\0", b""]
    stub.join()


def test_the_first_unreadable_byte_is_named(flavour: str) -> None:
    _, target = attached(FLAVOURS[flavour])
    with target:
        end = BASE + 64 * 256
        with pytest.raises(MemoryFault) as caught:
            target.memory.read(end - 16, 32)
        assert caught.value.address == end
        with pytest.raises(MemoryFault):
            target.memory.read((1 << 64) - 4, 8)
        with pytest.raises(MemoryFault):
            target.memory.read(-1, 8)


def test_an_impossible_length_ends_at_the_first_hole() -> None:
    _, target = attached(UNIDBG)
    with target, pytest.raises(MemoryFault) as caught:
        target.memory.read(BASE, 1 << 50)
    assert caught.value.address == BASE + 64 * 256


@pytest.mark.parametrize("name", ["plain", "qemu", "unidbg", "unikraft"])
def test_registers_by_name(name: str) -> None:
    _, target = attached(FLAVOURS[name])
    with target:
        assert target.architecture == "x86_64"
        assert target.registers.read("1") == {"rax": 1, "rip": 0x1234, "cr3": None}
        assert target.registers.group("cr3") == "system"
        assert target.registers.size("rip") == 8
        assert target.registers.size("nonsense") == 0


def test_registers_of_a_stub_that_describes_nothing() -> None:
    _, target = attached(SOLO5)
    with target:
        assert target.architecture == "x86_64"
        assert "rip" in target.registers.read("")


def test_the_guest_is_left_as_it_was_found(flavour: str) -> None:
    stub, target = attached(FLAVOURS[flavour])
    target.memory.read(BASE, 4)
    target.close()
    target.close()
    stub.join()
    if flavour in ("qemu", "unidbg"):
        assert stub.running
    if flavour == "toro" or flavour == "unikraft":
        assert stub.running, "a stub without D is let go by c"


@pytest.mark.parametrize("name", ["qemu", "unidbg"])
def test_a_guest_that_stood_stays(name: str) -> None:
    stub, target = attached(FLAVOURS[name], runs_at_first=False, greets=b"")
    stub.stop_kind = "breakpoint"
    target.run.resume()
    target.run.stop()
    target.close()
    stub.join()
    assert name == "unidbg" or not stub.running


def test_our_stub_found_at_a_breakpoint_keeps_standing() -> None:
    extra = UNIDBG.extra | {b"qUnidbgStop": b"kind:breakpoint;signal:05;fatal:0;stops:3;"}
    stub, target = attached(UNIDBG, runs_at_first=False, extra=extra)
    assert target.stop_reason is not None
    assert target.stop_reason.kind == "breakpoint"
    assert not target.run.running
    target.close()
    stub.join()
    assert not stub.running
    assert stub.leases[-1] == 0, "the lease is given back: nobody shall wake the guest"


def test_a_running_guest_runs_on_between_reads() -> None:
    for flavour in (QEMU, UNIDBG):
        stub, target = attached(flavour)
        with target:
            stub.wait_for(lambda stub: stub.running)
            assert target.run.running
            assert not target.consistent
            generation = target.generation
            target.memory.read(BASE, 4)
            stub.wait_for(lambda stub: stub.running)
            assert target.generation == generation + 1
            assert target.run.last_stop_ns
            with target.run.stopped() as why:
                assert why.kind == "interrupt"
                assert target.consistent
                target.memory.read(BASE, 4)
                assert not stub.running
            stub.wait_for(lambda stub: stub.running)


def test_one_stop_reads_each_byte_once() -> None:
    stub, target = attached(PLAIN)
    with target:
        target.memory.read(BASE, 64)
        before = len(stub.log)
        target.memory.read(BASE + 8, 8)
        assert len(stub.log) == before
        target.run.step("1")
        target.memory.read(BASE + 8, 8)
        assert len(stub.log) > before + 1


def test_a_write_is_seen_by_the_next_read() -> None:
    _, target = attached(PLAIN)
    assert isinstance(target.memory, WritableMemory)
    with target:
        target.memory.read(BASE, 4)
        target.memory.write(BASE, bytes(range(200, 0, -1)) * 3)
        assert target.memory.read(BASE, 2) == b"\xc8\xc7"
        with pytest.raises(MemoryFault, match="bad address"):
            target.memory.write(0, b"x")


def test_physical_memory_is_quemus_alone_and_the_mode_is_switched_back() -> None:
    stub, target = attached(QEMU)
    with target:
        assert target.physical is not None
        assert target.physical.read(BASE, 2) == b"\0\1"
        assert not stub.physical
        assert target.physical.regions() == ()
        with pytest.raises(LocalProtocolError):
            target.physical.write(BASE, b"x")
    _, target = attached(PLAIN)
    with target:
        assert target.physical is None


def test_a_physical_mode_that_a_dead_client_left_is_switched_off() -> None:
    stub, target = attached(QEMU, extra=QEMU.extra | {b"qqemu.PhyMemMode": b"1"})
    with target:
        assert b"Qqemu.PhyMemMode:0" in stub.log


def test_threads() -> None:
    _, target = attached(PLAIN)
    with target:
        first, second = target.threads()
        assert (first.id, first.name, first.cpu, first.detail) == ("1", "CPU#0", 0, "halted")
        assert second.id == "2"
    _, target = attached(TORO)
    with target:
        assert [thread.id for thread in target.threads()] == ["1"]


def test_another_threads_registers_do_not_change_whose_memory_is_read() -> None:
    stub, target = attached(PLAIN)
    with target:
        target.registers.read("2")
        target.memory.read(BASE, 4)
        selections = [payload for payload in stub.log if payload.startswith(b"Hg")]
        assert selections[-2:] == [b"Hg2", b"Hg1"]


def test_breakpoints_are_removed_on_leaving() -> None:
    for flavour in (QEMU, UNIDBG, PLAIN):
        stub, target = attached(flavour)
        target.run.insert_breakpoint(0x1234)
        target.run.insert_breakpoint(0x2000)
        assert stub.breakpoints == {0x1234, 0x2000}
        target.run.remove_breakpoint(0x2000)
        target.run.remove_breakpoint(0x9999)
        assert stub.breakpoints == {0x1234}
        target.close()
        stub.join()
        assert stub.breakpoints == set()


def test_a_guest_that_stops_by_itself_is_waited_for_and_not_resumed() -> None:
    stub, target = attached(QEMU)
    with target:
        target.run.insert_breakpoint(0x1234)
        stub.wait_for(lambda stub: stub.running)
        with pytest.raises(TargetTimeout, match="did not stop"):
            target.run.wait(0.01)
        stub.hit()
        reason = target.run.wait(5.0)
        assert (reason.kind, reason.thread, reason.signal) == ("breakpoint", "1", 5)
        with target.run.stopped():
            pass
        assert not target.run.running
        target.run.resume()
        stub.wait_for(lambda stub: stub.running)


def test_a_stop_that_crosses_our_break_in_counts() -> None:
    stub, target = attached(QEMU)
    with target:
        stub.wait_for(lambda stub: stub.running)
        stub.hit(b"T05thread:02;")
        assert target.run.stop().thread == "2"
        assert target.memory.read(BASE, 1) == b"\0"


def test_monitor() -> None:
    _, target = attached(PLAIN)
    with target:
        assert target.run.monitor("stats") == "first\nstats"
        with pytest.raises(TargetError, match="refused"):
            target.run.monitor("reset")
    _, target = attached(SOLO5)
    with target, pytest.raises(LocalProtocolError):
        target.run.monitor("stats")


def test_a_guest_that_ends_is_gone() -> None:
    stub, target = attached(QEMU)
    with target:
        stub.wait_for(lambda stub: stub.running)
        stub.hit(b"W2a")
        with pytest.raises(TargetGone, match="code 42"):
            target.run.wait(5.0)
        with pytest.raises(TargetGone):
            target.memory.read(BASE, 1)


def test_a_guest_that_cannot_be_interrupted_says_so() -> None:
    stub, target = attached(QEMU, interruptible=False)
    stub.wait_for(lambda stub: stub.running)
    target.link.timeout = 0.05
    with pytest.raises(TargetTimeout, match="interrupts off"):
        target.run.stop()
    target.close()


def test_solo5_is_acknowledged_before_anything_is_asked() -> None:
    stub, target = attached(SOLO5)
    with target:
        assert stub.raw.startswith(b"+")
        assert target.link.stray_stops.maxlen


def test_quemus_farewell_detaches_the_first_process() -> None:
    stub, target = attached(QEMU)
    target.run.stop()
    target.close()
    stub.join()
    assert stub.log[-1] == b"D;1"
    assert b"k" not in stub.log
    assert b"?" not in stub.log, "it deletes all breakpoints"


def test_attaching_takes_few_packets() -> None:
    """At most 8 with the thread list, as the figures ask."""
    for flavour in (QEMU, UNIDBG):
        stub, target = attached(flavour)
        with target:
            with target.run.stopped():
                target.threads()
            assert target.link.round_trips <= 8, stub.log


def test_our_stubs_lease_is_taken_at_once() -> None:
    stub, target = attached(UNIDBG)
    with target:
        assert stub.leases == [3000]


def lapse(stub: FakeStub, target: Target) -> None:
    """As if more than the lease had passed without a word."""
    del stub
    target.link.spoke_at -= 60  # type: ignore[attr-defined]


def test_a_lease_that_ran_out_is_renewed_at_the_next_stop() -> None:
    stub, target = attached(UNIDBG)
    with target:
        lapse(stub, target)
        target.memory.read(BASE, 4)
        assert stub.leases == [3000, 3000]
        assert stub.log.count(b"QStartNoAckMode") == 2


def test_a_guest_held_by_the_user_is_kept_by_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unidbg.target.run.LEASE", 0.03)
    stub, target = attached(UNIDBG)
    with target:
        target.run.stop()
        before = stub.raw.count(b"+")
        stub.wait_for(lambda stub: stub.raw.count(b"+") > before + 2)
        assert not stub.running


def test_every_flavour_is_one_of_the_field() -> None:
    assert all(isinstance(flavour, Flavour) for flavour in FLAVOURS.values())


@pytest.mark.parametrize("left", [b"OK", UNIDBG.supported, b"00ff00ff", b"E01", b"T05thread:1;"])
def test_what_a_client_before_us_asked_may_be_answered_to_us(left: bytes) -> None:
    stub, target = attached(replace(UNIDBG, greets=left))
    with target:
        assert target.kind == "unidbg"
        assert target.memory.read(BASE + 1, 4) == b"\1\2\3\4"
        assert target.run.running
    stub.join()
