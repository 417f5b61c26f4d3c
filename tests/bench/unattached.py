"""What a stub costs to which nobody is attached: requests per second of httpd with and without it linked.

The two guests run beside each other and are asked in turn. On a machine that others use, requests in a second
tell of them; requests in a second of QEMU's own processor time tell of the guest.
"""

from __future__ import annotations

import os
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.bench.harness import Row
from tests.bench.serve import CLIENTS, rate
from tests.e2e.guests import ROOT, Booted, boot_guest, network

BUILT = ROOT / "samples" / "build"


@dataclass(frozen=True)
class Window:
    """Requests per second, by the clock and by QEMU's processor time."""

    by_clock: float
    by_processor: float


def run(quick: bool) -> list[Row]:
    """The goal: nothing that can be measured."""
    windows, seconds = (2, 1.5) if quick else (30, 1.0)
    arguments, ready = network("q35"), "serving port 80"
    with (
        boot_guest(BUILT / "x86_64" / "httpd.elf", ready=ready, arguments=arguments) as ours,
        boot_guest(without_stub(), ready=ready, arguments=arguments) as bare,
    ):
        for guest in (ours, bare):
            rate(guest, 1.0)
        pairs = [in_turn(ours, bare, seconds, turned=at % 2 == 1) for at in range(windows)]
    note = f"{CLIENTS} connections, {windows} windows of {seconds:.1f} s each"
    what = "httpd with the stub linked, nobody attached"
    clock = [(one.by_clock, other.by_clock) for one, other in pairs]
    processor = [(one.by_processor, other.by_processor) for one, other in pairs]
    return [
        row(what, processor, ">= 0.98", "/s", f"per second of QEMU's processor time; {note}"),
        row(what, clock, "", "/s", f"by the clock; {note}"),
    ]


def row(what: str, pairs: list[tuple[float, float]], goal: str, unit: str, note: str) -> Row:
    """Medians, and their ratio: neighbours of a window disturb that less than those of its pairs."""
    ours, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row(what, ours, bare, "without the stub", ours / bare, goal, unit, f"{note}; ratio of the medians")


def in_turn(ours: Booted, bare: Booted, seconds: float, *, turned: bool) -> tuple[Window, Window]:
    """One window of each, the other one first where `turned`."""
    if turned:
        second = measured(bare, seconds)
        return measured(ours, seconds), second
    return measured(ours, seconds), measured(bare, seconds)


def measured(guest: Booted, seconds: float) -> Window:
    """A window."""
    before = processor_seconds(guest.record.pid)
    per_second = rate(guest, seconds)
    return Window(per_second, per_second * seconds / (processor_seconds(guest.record.pid) - before))


def processor_seconds(pid: int) -> float:
    """User and system time of a process, all its threads: proc(5), fields 14 and 15 of stat."""
    fields = (
        Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    )
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def without_stub() -> Path:
    """The image of httpd that has no stub."""
    folder = BUILT / "stubless"
    subprocess.run(
        ["make", "-s", "-C", ROOT / "samples", "httpd", "STUB=0", f"BUILD={folder}"],
        check=True,
        capture_output=True,
    )
    return folder / "httpd.elf"
