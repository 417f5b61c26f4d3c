"""Dumps of a 512 MB guest: opened against gdb, written against QEMU, read at random.

All are of one guest in one run. gdb loads the same core and prints the objects that the probes name.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.attach import probes
from tests.bench.harness import Row, commands, pair, process_ms
from tests.e2e.guests import ROOT, Booted, boot_guest
from unidbg.session import ImageSpec, Session
from unidbg.target.dump.opening import open_dump
from unidbg.transport.qmp import Qmp

UNIDBG = str(Path(sys.executable).with_name("unidbg"))
READS = 50_000
FACTS = Path(__file__).with_name("gdb_facts.py")


def run(quick: bool) -> list[Row]:
    """The goals: half a second and half of gdb; no slower than QEMU; 20,000 reads a second."""
    runs = 3 if quick else 7
    image = ROOT / "samples" / "build" / "x86_64" / "hello.elf"
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as name,
        boot_guest(image, ready="heartbeat 1", memory="512M") as guest,
    ):
        folder = Path(name)
        core = folder / "qemu.core"
        qemu_dump(guest, core)
        os.sync()  # or else its writing back is measured
        rows = [*opened(image, core, runs), written(guest, folder, runs)]
        kdump = folder / "kdump"
        qemu_dump(guest, kdump, "kdump-zlib")
        return [*rows, reads(kdump)]


def qemu_dump(guest: Booted, path: Path, form: str = "elf") -> float:
    """Milliseconds that QEMU takes."""
    path.unlink(missing_ok=True)
    with Qmp(guest.record.lines["qmp"].removeprefix("qmp:")) as qmp:
        began = time.perf_counter()
        qmp.command("dump-guest-memory", paging=False, protocol=f"file:{path}", format=form, timeout=300)
        return (time.perf_counter() - began) * 1000


def opened(image: Path, core: Path, runs: int) -> list[Row]:
    """Against a gdb that prints the globals as they are, and one that finds out the facts of the overview."""
    prints = [word for probe in probes(image) for word in ("-ex", f"print *{probe}.object")]
    gdb = [
        "gdb",
        "-nx",
        "-batch",
        str(image),
        "-core",
        str(core),
        "-ex",
        "info registers",
        "-ex",
        "bt",
        *prints,
    ]
    with Session.open(str(core), images=[ImageSpec(str(image))]) as session:
        memory = session.view("memory")
    root = int(getattr(memory, "page_table_root", 0) or 0)
    facts = ["-ex", f"source {FACTS}", "-ex", f"python main({root:#x})"]
    ours = [UNIDBG, "overview", str(core), "--image", str(image)]
    what = "overview of QEMU's ELF dump of 512 MB, whole process"
    return [
        commands(what, ours, gdb, other="gdb, the globals", goal="<= 0.5 and <= 500 ms", runs=runs),
        commands(
            what, ours, [*gdb, *facts], other="gdb, the facts", goal="",
            runs=runs, note="page tables counted, callbacks named with their lines, texts",
        ),
    ]  # fmt: skip


def written(guest: Booted, folder: Path, runs: int) -> Row:
    ours, theirs = folder / "ours.core", folder / "theirs.core"
    command = [UNIDBG, "dump", guest.gdbstub, "--image", str(guest.image), "-o", str(ours), "--force"]
    return pair(
        "write a dump of 512 MB, ours the whole process",
        lambda: process_ms(command),
        lambda: qemu_dump(guest, theirs),
        other="QEMU, elf",
        goal="<= 1",
        runs=runs,
        note=f"ours takes {disk_mb(guest, command, ours):.0f} MB of disk",
    )


def disk_mb(guest: Booted, command: list[str], path: Path) -> float:
    subprocess.run(command, check=True, capture_output=True)
    return path.stat().st_blocks * 512 / 1e6


def reads(kdump: Path) -> Row:
    """Thousands of reads of 64 bytes a second, anywhere in what was dumped."""
    target = open_dump(str(kdump))
    try:
        assert target.physical is not None
        chance = random.Random(1)
        regions = [region for region in target.physical.regions() if region.end - region.start > 1 << 20]
        places = [
            chance.randrange(region.start, region.end - 64) for region in chance.choices(regions, k=READS)
        ]
        began = time.perf_counter()
        for place in places:
            target.physical.read(place, 64)
        thousands = READS / (time.perf_counter() - began) / 1000
    finally:
        target.close()
    return Row("random reads of 64 bytes from kdump-zlib", thousands, None, "", None, ">= 20", "k/s")
