"""Memory of a QEMU of this host, past the guest: how fast it comes, and how long the guest stands for it.

Ours is a session on `qmp:PATH`. gdb reads through QEMU's gdbstub, which is all it has; its figures are wall
times less those of a gdb that attaches and reads nothing.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.bench.harness import Row, process_ms
from tests.e2e.guests import ROOT, Booted, boot_guest
from unidbg.session import VIEWS, ImageSpec, Session
from unidbg.target.host.qemu import QemuTarget
from unidbg.target.host.ways import MemWay, VmWay, Way

IMAGE = ROOT / "samples" / "build" / "x86_64" / "hello.elf"
START = 0x100000
PIECE = 1 << 20
WARM_UP = 3


def run(quick: bool) -> list[Row]:
    """The goals: 2 GB/s; nothing at rest when racy, less than 1 ms when consistent."""
    refreshes = 8 if quick else 40
    with boot_guest(IMAGE, ready="libos: ", memory="512M") as guest, at_rest(guest) as gdb:
        return [*reading(guest, gdb), *resting(guest, refreshes, gdb)]


@contextmanager
def at_rest(guest: Booted) -> Iterator[Callable[[int], float]]:
    """How many ms gdb takes to read so many bytes of the guest, which stands meanwhile."""
    with tempfile.TemporaryDirectory() as name:

        def gdb(count: int) -> float:
            start, end = START, START + count
            step = f"dump binary memory {name}/out {start:#x} {end:#x}"
            head = ["gdb", "-nx", "-batch", str(guest.image), "-ex"]
            head.append(f"target remote {guest.gdbstub.removeprefix('unix:')}")
            idle = process_ms([*head, "-ex", "detach"])
            return process_ms([*head, "-ex", step, "-ex", "detach"]) - idle

        yield gdb


def opened(guest: Booted, racy: bool = False) -> Session:
    line = guest.record.lines["qmp"] + (",racy" if racy else "")
    return Session.open(line, images=[ImageSpec(str(IMAGE))])


def reading(guest: Booted, gdb: Callable[[int], float]) -> list[Row]:
    """GB/s over all of the guest's memory, copied, a MiB at a time; that of gdb over 8 MiB."""
    theirs = (8 << 20) / statistics.median(gdb(8 << 20) for _ in range(3)) / 1e6
    with opened(guest, racy=True) as session:
        target = session.target
        assert isinstance(target, QemuTarget)
        space, pid = target.physical, guest.record.pid
        probe = (space.host(START) or (0, 0))[0]
        ways: list[Way] = [space.way, VmWay(pid, probe), MemWay(pid, probe)]
        rows = []
        for space.way in ways:
            ours = statistics.median([speed(target) for _ in range(4)][1:])
            what = f"read 512 MB of a running guest ({space.way.name})"
            rows.append(Row(what, ours, theirs, "gdb", ours / theirs, ">= 2", "GB/s"))
        space.way = ways[0]
        ways[2].close()
    return rows


def speed(target: QemuTarget) -> float:
    """GB/s."""
    largest = max(target.physical.regions(), key=lambda region: region.end - region.start)
    began, total = time.perf_counter(), 0
    for at in range(largest.start, largest.end, PIECE):
        total += len(target.physical.read(at, min(PIECE, largest.end - at)))
    return total / (time.perf_counter() - began) / 1e9


def resting(guest: Booted, refreshes: int, gdb: Callable[[int], float]) -> list[Row]:
    """How long the guest stands for one refresh of all views."""
    theirs = statistics.median(gdb(1 << 20) for _ in range(5))
    rows = []
    for what, racy, goal in (("consistent", False, "< 1 ms"), ("racy", True, "0")):
        with opened(guest, racy) as session:
            stops = stood(session, refreshes)
            way = session.target.access
        ours = statistics.median(stops)
        rows.append(
            Row(
                f"guest at rest per refresh of all views ({what}, {way})",
                ours,
                theirs,
                "gdb, 1 MB read",
                ours / theirs,
                goal,
                note=f"longest {max(stops):.2f} ms of {refreshes}",
            )
        )
    return rows


def stood(session: Session, refreshes: int) -> list[float]:
    """How long the guest stood at each of so many refreshes, ms."""
    found = []
    for _ in range(WARM_UP + refreshes):
        found.append((session.snapshot(VIEWS).stopped_ns or 0) / 1e6)
        time.sleep(0.1)
    return found[WARM_UP:]
