"""Attach to a running guest, print the facts of the overview, detach: unidbg against gdb, over the same stub.

gdb prints the objects that the probes name, the registers and the backtrace: what it would take a user of gdb
to see the same. Each run finds the guest running and leaves it running.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.harness import Row, commands
from tests.e2e.guests import ROOT, Booted, boot_guest

UNIDBG = str(Path(sys.executable).with_name("unidbg"))


def run(quick: bool) -> list[Row]:
    """The goal of the spine: at most gdb's time."""
    runs = 3 if quick else 11
    image = ROOT / "samples" / "build" / "x86_64" / "hello.elf"
    with boot_guest(image, ready="libos: ") as guest:
        return [
            commands(
                f"attach, overview, detach ({how})",
                [UNIDBG, "overview", line, "--image", str(image)],
                gdb_overview(guest, gdb_line),
                other="gdb",
                goal="<= 1",
                runs=runs,
            )
            for how, line, gdb_line in (
                ("our stub, UART", guest.stub, guest.stub),
                ("QEMU's gdbstub", guest.gdbstub, guest.gdbstub.removeprefix("unix:")),
            )
        ]


def gdb_overview(guest: Booted, line: str) -> list[str]:
    """A gdb command line that prints the same facts."""
    prints = [f"print *{probe}.object" for probe in probes(guest.image)]
    script = [f"target remote {line}", "info threads", "info registers", "backtrace", *prints, "detach"]
    return ["gdb", "-nx", "-batch", str(guest.image), *(word for step in script for word in ("-ex", step))]


def probes(image: Path) -> list[str]:
    """The probe records of an image, by nm."""
    table = subprocess.run(["nm", image], capture_output=True, text=True, check=True).stdout
    return [name for line in table.splitlines() if (name := line.split()[-1]).startswith("unidbg_probe_")]
