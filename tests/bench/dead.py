"""A dead guest's own dump, over the line that it has; and what tracking allocations costs a heap.

The guest is httpd under QEMU; its UART is not slowed down there, so seconds at 115200 baud (ten bits a byte)
are reckoned from the bytes that went over the line. A program of this machine measures the heap.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tests.bench.harness import Row
from tests.e2e.guests import ROOT, Booted, boot_guest, network
from tests.support.dying import connect, send_nowhere
from unidbg.target.dump.crashfile import PartialFile
from unidbg.target.dump.crashframes import FULL, MINIMAL
from unidbg.target.dump.crashstream import Receiver

BAUD = 115_200
BITS = 10
SAMPLES = ROOT / "samples"


class Transfer(NamedTuple):
    """What a dump took."""

    size: int
    line_bytes: int
    seconds: float


def run(quick: bool) -> list[Row]:
    """Figures without goals: bytes, seconds at 115200 baud, and in QEMU; allocations a second."""
    return [*transfers(), *tracking(2 if quick else 5)]


def transfers() -> list[Row]:
    image = SAMPLES / "build" / "x86_64" / "httpd.elf"
    rows = []
    with boot_guest(image, ready="serving port 80", arguments=network("q35")) as guest:
        send_nowhere(guest.stub)
        guest.wait_for_line("exception 14")
        for name, form in (("minimal", MINIMAL), ("full", FULL)):
            done = transfer(guest, form)
            note = f"a core of {done.size / 1024:,.0f} KiB; {done.seconds:.1f} s in QEMU"
            rows.append(
                Row(
                    f"{name} dump of a dead httpd, on the line",
                    done.line_bytes / 1024,
                    None,
                    "",
                    None,
                    "",
                    "KiB",
                )
            )
            seconds = done.line_bytes * BITS / BAUD
            rows.append(Row(f"{name}, at 115200 baud", seconds, None, "", None, "", "s", note))
    return rows


def transfer(guest: Booted, form: int) -> Transfer:
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
        closing(PartialFile(str(Path(folder) / "core"))) as store,
        connect(guest.stub) as sock,
    ):
        began, count = time.monotonic(), 0
        sock.settimeout(0.25)
        receiver = Receiver(store, form, began)
        sock.sendall(receiver.start())
        while not receiver.whole:
            try:
                data = sock.recv(1 << 16)
            except TimeoutError:
                data = b""
            count += len(data)
            sock.sendall(receiver.feed(data, time.monotonic()))
        return Transfer(receiver.size, count, time.monotonic() - began)


def tracking(runs: int) -> list[Row]:
    """The samples' heap with and without call sites, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "track"
        sources = [SAMPLES / "libos" / "heap.c", SAMPLES / "libos" / "pages.c", ROOT / "stubs/probes/track.c"]
        include: list[str | Path] = [
            "-include",
            ROOT / "tests/samples_c/host_cpu.h",
            f"-I{SAMPLES}",
            f"-I{ROOT}/stubs/include",
        ]
        subprocess.run(
            ["cc", "-std=gnu11", "-O2", *include, "-o", program, ROOT / "tests/bench/track.c", *sources],
            check=True,
        )
        pairs = [
            [float(subprocess.check_output([program, how])) / 1e6 for how in ("on", "off")]
            for _ in range(runs)
        ]
    ours, theirs = (statistics.median(one[n] for one in pairs) for n in (0, 1))
    ratio = statistics.median(on / off for on, off in pairs)
    note = f"{1000 / ours - 1000 / theirs:.0f} ns a pair; 16 bytes for each block of the table"
    what = "allocations and frees with call sites tracked"
    return [Row(what, ours, theirs, "not tracked", ratio, "", "M/s", note)]
