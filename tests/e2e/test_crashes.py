"""Each way to die is seen at attach: reason, place, and a backtrace that reaches the culprit's callers.

Through our stub, which tells the reason itself, and through QEMU's gdbstub, which sees the guest stand in its
stub; in stock gdb too. Each way runs on one machine here, on both with `make test-long`.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Sequence

import pytest

from tests.e2e.crashes import CRASHES, Crash
from tests.e2e.guests import Boot, Booted
from tests.e2e.test_stock_debuggers import gdb
from tests.e2e.test_tui import Open, attach
from unidbg.errors import MemoryFault
from unidbg.views.system import OverviewView, ThreadsView

__all__ = ["attach"]

MACHINES = ("q35", "microvm")
USUAL = [
    pytest.param(crash, MACHINES[at % 2], id=f"{crash}-{MACHINES[at % 2]}")
    for at, crash in enumerate(CRASHES)
]
REST = [
    pytest.param(crash, MACHINES[1 - at % 2], id=f"{crash}-{MACHINES[1 - at % 2]}", marks=pytest.mark.long)
    for at, crash in enumerate(CRASHES)
]
WITH_GDB = ("null-write", "jump-to-null", "stack-overflow", "double-free", "stack-smash", "interrupt-fault")


@pytest.mark.parametrize(("crash", "machine"), [*USUAL, *REST])
def test_a_crash_is_seen_at_attach(boot: Boot, crash: Crash, machine: str) -> None:
    guest = dead(boot, crash, machine)
    check(guest, crash, guest.stub)
    check(guest, crash, guest.gdbstub)


@pytest.mark.parametrize("crash", [crash for crash in CRASHES if crash.way in WITH_GDB], ids=str)
def test_a_crash_in_stock_gdb(boot: Boot, crash: Crash) -> None:
    guest = dead(boot, crash, "q35")
    # After a detach QEMU lets the guest go, which stands in its stub; the stub would let it go into its end.
    for line, farewell in ((guest.gdbstub, "detach"), (guest.stub, "disconnect")):
        said = gdb(guest, "backtrace -past-main on 80", farewell, line=line)
        functions = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\S+)", said, re.MULTILINE)
        assert contains(functions, crash.trail), said


@pytest.mark.parametrize("machine", MACHINES)
def test_a_crash_of_an_image_that_has_moved_itself(boot: Boot, machine: str) -> None:
    crash = next(crash for crash in CRASHES if crash.way == "jump-to-data")
    guest = dead(boot, crash, machine, "aslr")
    check(guest, crash, guest.stub)
    check(guest, crash, guest.gdbstub)


@pytest.mark.parametrize("way", ["interrupt-fault", "null-write"])
def test_what_cannot_be_read_does_not_hide_what_failed(boot: Boot, way: str) -> None:
    """The stub's own page faults nest in the one that it stands in."""
    crash = next(crash for crash in CRASHES if crash.way == way)
    guest = dead(boot, crash, "q35")
    with guest.session() as session:
        for _ in range(3):
            with pytest.raises(MemoryFault):
                session.target.memory.read(0x10, 8)
    check(guest, crash, guest.stub)


def test_a_crash_in_the_interface(boot: Boot, attach: Open) -> None:
    crash = next(crash for crash in CRASHES if crash.way == "double-free")
    terminal = attach(dead(boot, crash, "q35"))
    terminal.wait_for(r"■ stopped +heap: double free of 0x[0-9a-f]+")
    terminal.press("7")
    terminal.wait_for(r"▶ #\d+ +require_block")
    terminal.press("q")
    terminal.wait_for("left with 0")


def dead(boot: Boot, crash: Crash, machine: str, more: str = "") -> Booted:
    """A guest that has died."""
    guest = boot("crash", machine=machine, append=f"crash={crash.way} {more}", ready=f"crash: {crash}")
    guest.wait_for_line("exception|panic")
    return guest


def check(guest: Booted, crash: Crash, line: str) -> None:
    """What is known over one line, and that it is shown."""
    with guest.session(line) as session:
        overview, threads = (session.view(name) for name in ("overview", "threads"))
    assert isinstance(overview, OverviewView)
    assert isinstance(threads, ThreadsView)
    assert overview.state == "stopped"
    assert re.search(crash.reason, overview.reason), overview.reason
    thread = threads.threads[0]
    assert re.search(crash.reason, thread.reason), thread.reason
    assert contains([frame.pc.symbol for frame in thread.frames], crash.trail), thread.frames
    assert not [frame for frame in thread.frames if frame.how == "guess"], thread.frames
    assert thread.culprit is not None
    culprit = thread.frames[thread.culprit].pc
    assert culprit.symbol == crash.culprit, thread
    assert crash.code in linecache.getline(culprit.file or "", culprit.line or 0)
    shown = guest.unidbg("attach", line)
    assert shown.returncode == 0, shown.stderr
    text = " ".join(shown.stdout.split())
    assert re.search(rf"^stopped: {crash.reason.removesuffix('$')}.* in {crash.culprit}\b", text), (
        shown.stdout
    )


def contains(names: Sequence[str | None], trail: Sequence[str]) -> bool:
    """Whether `trail` occurs in `names` in that order; others may stand in between."""
    rest = iter(names)
    return all(any(name == wanted for name in rest) for wanted in trail)
