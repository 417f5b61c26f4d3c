"""QEMU's own gdbstub: read, run, leave; be killed; find the line taken."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from tests.e2e.target.conftest import Counting
from unidbg.errors import AnotherClient
from unidbg.target import open_target
from unidbg.target.base import Target
from unidbg.target.gdb import Gdb
from unidbg.transport.qmp import Qmp

pytestmark = pytest.mark.timeout(120)


def counter(target: Target, guest: Counting) -> int:
    return int.from_bytes(target.memory.read(guest.addresses["counter"], 4), "little")


def status(guest: Counting) -> str:
    """What QEMU says that the guest does."""
    assert guest.record is not None
    with Qmp(guest.record.lines["qmp"].removeprefix("qmp:")) as qmp:
        return str(qmp.command("query-status")["status"])


def wait_until_running(guest: Counting) -> None:
    """QEMU may read a farewell after our question, on a busy machine."""
    deadline = time.monotonic() + 10.0
    while status(guest) != "running":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def counts_on(guest: Counting) -> bool:
    with closing(open_target(guest.line)) as target:
        before = counter(target, guest)
        deadline = time.monotonic() + 10.0
        while counter(target, guest) == before and time.monotonic() < deadline:
            time.sleep(0.005)
        return counter(target, guest) != before


def test_memory_registers_threads(guest: Counting) -> None:
    with closing(open_target(guest.line)) as target:
        assert (target.kind, target.architecture) == ("qemu", "x86_64")
        assert target.run is not None
        assert target.registers is not None
        assert target.physical is not None
        assert target.run.running
        assert status(guest) == "running"
        words = guest.addresses["words"]
        assert target.memory.read(words, 7) == b"a guest"
        assert target.physical.read(words, 7) == b"a guest"
        assert target.memory.read_many([(words, 1), (64 << 20, 4), (words + 2, 5)]) == [b"a", None, b"guest"]
        with target.run.stopped() as why:
            assert why.kind == "interrupt"
            one, two = target.threads()
            assert (one.name, one.cpu, two.cpu) == ("CPU#0", 0, 1)
            assert guest.addresses["again"] <= (target.registers.read(one.id)["rip"] or 0) < words
            assert target.registers.read(two.id)["rip"] != target.registers.read(one.id)["rip"]
            assert target.registers.read(one.id)["cr3"] == 0
            assert status(guest) == "paused"
        assert "CPU #0" in target.run.monitor("info cpus")
    assert status(guest) == "running"


def test_breakpoints_and_steps(guest: Counting) -> None:
    again = guest.addresses["again"]
    with closing(open_target(guest.line)) as target:
        assert target.run is not None
        assert target.registers is not None
        target.run.insert_breakpoint(again)
        assert target.run.wait(10.0).kind == "breakpoint"
        assert target.registers.read("")["rip"] == again
        before = counter(target, guest)
        assert target.run.step(target.threads()[0].id).kind == "step"
        assert counter(target, guest) == before + 1
        target.run.resume()
        assert target.run.wait(10.0).kind == "breakpoint"
        assert counter(target, guest) == before + 1
    assert counts_on(guest), "the breakpoint was removed"


def test_a_paused_guest_stays_paused(guest: Counting) -> None:
    assert guest.record is not None
    with Qmp(guest.record.lines["qmp"].removeprefix("qmp:")) as qmp:
        qmp.command("stop")
        with closing(open_target(guest.line)) as target:
            assert target.run is not None
            assert not target.run.running
            counter(target, guest)
        assert qmp.command("query-status")["status"] == "paused"
        qmp.command("cont")


CLIENT = """
import sys, time
from unidbg.target import open_target
target = open_target(sys.argv[1])
target.run.insert_breakpoint(int(sys.argv[2]))
target.run.stop()
target.link._outgoing += b"$m2000"
target.link._write()
print("up", flush=True)
time.sleep(60)
"""


def test_a_client_that_is_killed_leaves_a_guest_that_runs_on(guest: Counting) -> None:
    """In the middle of a packet, the guest standing, a breakpoint set."""
    command = [sys.executable, "-c", CLIENT, guest.line, str(guest.addresses["again"])]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    assert client.stdout.readline() == "up\n"
    assert status(guest) in ("paused", "debug")
    client.send_signal(signal.SIGKILL)
    client.wait(10)
    client.stdout.close()
    wait_until_running(guest)
    assert counts_on(guest)


INTERRUPTED = """
import sys
from unidbg.target import open_target
target = open_target(sys.argv[1])
try:
    target.run.insert_breakpoint(int(sys.argv[2]) + 0x100)
    print("up", flush=True)
    while True:
        target.memory.read(0x100000, 4096)
finally:
    target.close()
"""


def test_ctrl_c_leaves_the_guest_running(guest: Counting) -> None:
    for pause in (0.0, 0.003, 0.011, 0.02):
        command = [sys.executable, "-c", INTERRUPTED, guest.line, str(guest.addresses["again"])]
        client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert client.stdout is not None
        assert client.stdout.readline() == "up\n"
        time.sleep(pause)
        client.send_signal(signal.SIGINT)
        client.wait(20)
        client.stdout.close()
        wait_until_running(guest)
    assert counts_on(guest)


def test_a_line_that_gdb_holds_names_gdb_and_the_named_guest_is_entered_all_the_same(guest: Counting) -> None:
    assert guest.record is not None
    with Gdb(str(guest.image)) as gdb:
        gdb.command(f"-target-select remote {guest.line}")
        with pytest.raises(AnotherClient, match=rf"gdb \(pid \d+\).*@{guest.record.name}"):
            open_target(guest.line, timeout=1.0)


def test_a_guest_without_our_stub_has_the_gdbstub_at_its_port(guest: Counting) -> None:
    assert guest.record is not None
    assert "stub" not in guest.record.lines
    assert guest.line.startswith("127.0.0.1:")
    with closing(open_target(f"@{guest.record.name}")) as target:
        assert target.kind == "qemu"
        assert target.url == f"@{guest.record.name}"


def test_by_qmp(guest: Counting) -> None:
    """QEMU tells where its gdbstub is."""
    assert guest.record is not None
    with closing(open_target(guest.record.lines["qmp"])) as target:
        assert target.kind == "qemu"
        counter(target, guest)
    assert status(guest) == "running"


def test_ours_and_gdb_see_the_same_registers(guest: Counting) -> None:
    assert guest.record is not None
    with Qmp(guest.record.lines["qmp"].removeprefix("qmp:")) as qmp:
        qmp.command("stop")
    with closing(open_target(guest.line)) as target:
        assert target.registers is not None
        ours = target.registers.read("1")
    with Gdb(str(guest.image), "-iex", "set arch i386:x86-64") as gdb:
        gdb.command(f"-target-select remote {guest.line}")
        names = [str(name) for name in gdb.command("-data-list-register-names").values["register-names"]]
        values = gdb.command("-data-list-register-values --skip-unavailable r").values["register-values"]
        gdb.command("-target-detach")
    theirs = {names[int(item["number"])]: item["value"] for item in values}
    for name in ("rip", "rsp", "eflags", "cs", "cr0", "cr4", "mxcsr", "st0"):
        assert int(theirs[name], 16) == ours[name], name
