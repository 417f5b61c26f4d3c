"""How long the guest stands for a refresh of the overview: ours by a session, theirs by gdb reading the same.

Ours is what the session shows: through our stub the guest's own clock, else the time from stop to resumption
as the client saw it. gdb tells no such time: its figure is the wall time of a gdb that attaches, reads the
same and detaches, less that of one that reads nothing. Take it as an order of magnitude.
"""

from __future__ import annotations

import statistics
import time

from tests.bench.attach import gdb_overview
from tests.bench.harness import Row, process_ms
from tests.e2e.guests import ROOT, Booted, boot_guest

PERIOD = 0.25
WARM_UP = 3
"""Refreshes until the plan is known."""


def run(quick: bool) -> list[Row]:
    """The goal: 2 ms at the median through our stub."""
    refreshes = 8 if quick else 40
    image = ROOT / "samples" / "build" / "x86_64" / "hello.elf"
    with boot_guest(image, ready="libos: ") as guest:
        return [
            _row(guest, how, line, gdb_line, goal, refreshes)
            for how, line, gdb_line, goal in (
                ("our stub, UART", guest.stub, guest.stub, "<= 2 ms"),
                ("QEMU's gdbstub", guest.gdbstub, guest.gdbstub.removeprefix("unix:"), ""),
            )
        ]


def _row(guest: Booted, how: str, line: str, gdb_line: str, goal: str, refreshes: int) -> Row:
    ours = statistics.median(stops_ms(guest, line, refreshes))
    runs = max(3, refreshes // 8)
    theirs = statistics.median(gdb_ms(guest, gdb_line) for _ in range(runs))
    return Row(
        f"guest at rest per refresh ({how})",
        ours,
        theirs,
        "gdb",
        ours / theirs if theirs else None,
        goal,
        note=f"median of {refreshes}, 4 Hz",
    )


def stops_ms(guest: Booted, line: str, refreshes: int) -> list[float]:
    """How long the guest stood at each of so many refreshes, ms."""
    with guest.session(line) as session:
        found = []
        for _ in range(WARM_UP + refreshes):
            found.append((session.snapshot(["overview"]).stopped_ns or 0) / 1e6)
            time.sleep(PERIOD)
    return found[WARM_UP:]


def gdb_ms(guest: Booted, line: str) -> float:
    """What gdb takes for the same facts beyond its own start and its greeting, ms."""
    command = gdb_overview(guest, line)
    idle = [*command[: command.index("-ex") + 2], "-ex", "detach"]
    return process_ms(command) - process_ms(idle)
