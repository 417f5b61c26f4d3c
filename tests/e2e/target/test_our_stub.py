"""A booted sample through our own stub: hung, held, killed, interrupted; afterwards it still ticks."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing

import pytest

from tests.e2e.guests import Boot, Booted
from tests.e2e.target.conftest import symbols
from unidbg.errors import AnotherClient, TargetTimeout
from unidbg.target import open_target
from unidbg.target.base import Glance, Range
from unidbg.target.gdb import Gdb
from unidbg.target.rsptarget import RspTarget
from unidbg.transport.qmp import Qmp

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def guest(boot: Boot) -> Booted:
    return boot("hello")


def opened(url: str, timeout: float = 5.0) -> RspTarget:
    target = open_target(url, timeout=timeout)
    assert isinstance(target, RspTarget)
    return target


def test_a_guest_that_hangs_is_named_entered_otherwise_and_runs_on_when_it_can(guest: Booted) -> None:
    """Stopped by the hypervisor, it does not answer; what was sent meanwhile does not stop it later."""
    with Qmp(guest.record.lines["qmp"].removeprefix("qmp:")) as qmp:
        qmp.command("stop")
        start = time.monotonic()
        with pytest.raises(TargetTimeout, match=f"interrupts off.*{guest.gdbstub}.*{guest.name}"):
            open_target(guest.stub)
        with closing(opened(guest.name)) as target:
            assert target.kind == "qemu"
        assert time.monotonic() - start < 10.0
        qmp.command("cont")
    guest.wait_for_life()
    with closing(opened(guest.stub)) as target:
        assert target.kind == "unidbg"


def test_a_line_that_gdb_holds(guest: Booted) -> None:
    with Gdb(str(guest.image)) as gdb:
        gdb.command(f"-target-select remote {guest.stub}")
        with pytest.raises(AnotherClient, match=rf"gdb \(pid \d+\).*{guest.gdbstub}") as caught:
            open_target(guest.stub, timeout=1.0)
        assert caught.value.pid is not None
        with closing(opened(guest.name)) as target:
            assert target.kind == "qemu"
            assert not target.run.running or target.memory.read(symbols(guest.image)["heartbeat"], 1)
        gdb.command("-target-detach")
    guest.wait_for_life()


CLIENT = """
import sys, time
from unidbg.target import open_target
target = open_target(sys.argv[1])
target.run.insert_breakpoint(int(sys.argv[2]))
if sys.argv[3] == "stop":
    target.run.stop()
    target.link._outgoing += b"$m2000"
    target.link._write()
print("up", flush=True)
try:
    while True:
        target.memory.read(int(sys.argv[2]), 2000)
finally:
    target.close()
"""


@pytest.mark.parametrize(
    ("how", "number"), [("stop", signal.SIGKILL), ("run", signal.SIGKILL), ("run", signal.SIGINT)]
)
def test_a_client_that_is_ended_leaves_a_guest_that_ticks(
    guest: Booted, how: str, number: signal.Signals
) -> None:
    """A breakpoint of its own in code that is never reached; killed anywhere."""
    address = symbols(guest.image).get("unidbg_panic", 0x100000)
    command = [sys.executable, "-c", CLIENT, guest.stub, str(address), how]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert client.stdout is not None
    assert client.stdout.readline() == "up\n"
    client.send_signal(number)
    client.wait(20)
    client.stdout.close()
    guest.wait_for_life()
    with closing(opened(guest.stub)) as target:
        assert target.memory.read(address, 1) != b"\xcc"
        assert target.run.running


def test_the_guest_stands_for_the_reading_alone(guest: Booted) -> None:
    with closing(opened(guest.stub)) as target:
        target.memory.read(0x100000, 64)
        assert target.run.last_stop_ns is not None
        assert 0 < target.run.last_stop_ns < 1_000_000_000
        assert target.run.running


def test_the_user_may_hold_the_guest_for_longer_than_the_lease(guest: Booted) -> None:
    with closing(opened(guest.stub)) as target:
        target.run.stop()
        before = guest.console()
        generation = target.generation
        time.sleep(4.0)  # more than the lease, which is what is being tested
        assert guest.console() == before
        target.memory.read(0x100000, 4)
        assert target.generation == generation
    guest.wait_for_life()


def test_both_lines_show_the_same_system_registers_at_a_breakpoint(guest: Booted) -> None:
    """The general ones differ: to QEMU the guest is inside its stub's loop."""
    address = symbols(guest.image)["heartbeat"]
    with closing(opened(guest.stub)) as target:
        target.run.insert_breakpoint(address)
        assert target.run.wait(20.0).kind == "breakpoint"
        ours = target.registers.read("")
        assert ours["rip"] == address
        with closing(opened(guest.gdbstub)) as other:
            theirs = other.registers.read("")
        for name in ("cr0", "cr3", "cr4", "efer", "cs", "ss"):
            assert ours[name] == theirs[name], name


def test_what_is_not_sent_again_is_what_the_guest_has(guest: Booted, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[Range]] = []
    with guest.session() as session:
        target = session.target
        assert isinstance(target, RspTarget)
        look = target.glance

        def recorded(ranges: Sequence[Range], **wanted: bool) -> Glance | None:
            asked.append(ranges)
            return look(ranges, **wanted)

        monkeypatch.setattr(target, "glance", recorded)
        for _ in range(12):
            session.snapshot(["overview"])
        with target.run.stopped():
            seen = look(asked[-1], threads=False, registers=False)
            assert seen is not None
            plain = target.memory.read_many(asked[-1])
    assert [seen.memory[at] or None for at in asked[-1]] == plain
