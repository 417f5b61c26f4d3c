"""What a stub costs to which nobody is attached: requests per second of httpd with and without it linked.

The two guests run beside each other and are asked in turn, so that a busy machine slows both alike.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.bench.harness import Row, paired
from tests.bench.serve import rate, windows_note
from tests.e2e.guests import ROOT, boot_guest, network

BUILT = ROOT / "samples" / "build"


def run(quick: bool) -> list[Row]:
    """The goal: nothing that can be measured."""
    windows, seconds = (2, 1.5) if quick else (9, 3.0)
    arguments, ready = network("q35"), "serving port 80"
    with (
        boot_guest(BUILT / "x86_64" / "httpd.elf", ready=ready, arguments=arguments) as ours,
        boot_guest(without_stub(), ready=ready, arguments=arguments) as bare,
    ):
        for guest in (ours, bare):
            rate(guest, 1.0)
        pairs = [(rate(ours, seconds), rate(bare, seconds)) for _ in range(windows)]
    what, note = "httpd with the stub linked, nobody attached", windows_note(windows, seconds)
    return [paired(what, pairs, "without the stub", ">= 0.98", "/s", note)]


def without_stub() -> Path:
    """The image of httpd that has no stub."""
    folder = BUILT / "stubless"
    subprocess.run(
        ["make", "-s", "-C", ROOT / "samples", "httpd", "STUB=0", f"BUILD={folder}"],
        check=True,
        capture_output=True,
    )
    return folder / "httpd.elf"
