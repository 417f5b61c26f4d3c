"""`unidbg check`, whole processes: of an image that is booted for it, and of a dump of 512 MB."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.bench.dumps import qemu_dump
from tests.bench.harness import Row, alone, pair, process_ms
from tests.e2e.guests import ROOT, boot_guest

UNIDBG = str(Path(sys.executable).with_name("unidbg"))
SAMPLES = ROOT / "samples" / "build" / "x86_64"


def run(quick: bool) -> list[Row]:
    """The goals: 2 s beyond the guest's own boot; a second for a dump."""
    runs = 3 if quick else 9
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        return [booted(Path(name), runs), dumped(Path(name), runs)]


def booted(folder: Path, runs: int) -> Row:
    """httpd under TCG, by what `unidbg run` boots; nobody else's unidbg.toml."""
    image = SAMPLES / "httpd.elf"
    configuration = folder / "unidbg.toml"
    configuration.write_text('[run]\nforward = ["80"]\nready = "port:80"\n')
    words = [UNIDBG, "check", str(image)]
    return pair(
        "boot httpd, all checks, stop: beyond the guest's own boot",
        lambda: process_ms(words, folder=folder) - boot_ms(image),
        lambda: boot_ms(image),
        other="its boot",
        goal="<= 2000 ms",
        runs=runs,
    )


def boot_ms(image: Path) -> float:
    """From the start of QEMU until httpd serves, and its end."""
    began = time.perf_counter()
    with boot_guest(image, ready="serving port 80", network=()):
        pass
    return (time.perf_counter() - began) * 1000


def dumped(folder: Path, runs: int) -> Row:
    core = folder / "qemu.core"
    image = SAMPLES / "hello.elf"
    with boot_guest(image, ready="heartbeat 1", memory="512M") as guest:
        qemu_dump(guest, core)
    words = [UNIDBG, "check", str(core), "--image", str(image)]
    return alone(
        "all checks of QEMU's ELF dump of 512 MB",
        lambda: process_ms(words, folder=folder),
        goal="<= 1000 ms",
        runs=runs,
    )
