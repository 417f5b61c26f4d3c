"""The build of httpd that has no stub, with which the benches compare: it serves, and knows no debugger."""

from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path

from tests.e2e.guests import ROOT, boot_guest, network


def test_httpd_without_the_stub(tmp_path: Path) -> None:
    made = subprocess.run(
        ["make", "-s", "-C", ROOT / "samples", "httpd", "STUB=0", f"BUILD={tmp_path}"],
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    image = tmp_path / "httpd.elf"
    names = subprocess.run(["nm", image], capture_output=True, text=True, check=True).stdout
    assert "unidbg_trap" not in names
    with boot_guest(image, ready="serving port 80", arguments=network("q35")) as guest:
        address = f"http://127.0.0.1:{guest.forwarded_port()}/healthz"
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert answer.read() == b"ok\n"
