"""Four guests at a time, again and again: one of two hundred runs that fails is a flake for users."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RUNS = 200
TESTS = """\
import urllib.request
import pytest

@pytest.mark.parametrize("number", range(4))
def test_serves(number, unidbg_guest, unidbg_session):
    unidbg_session.remember()
    port = unidbg_guest.port(80)
    for _ in range(3):
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60).read()
    unidbg_session.wait_until("net.protocols.tcp.received", timeout=60, min=3)
    unidbg_session.no_new_findings()
    assert unidbg_session.heap_growth() < 64 << 10
    assert unidbg_session.value("app.name") == "httpd"
"""
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
WORDS = ("-p", "xdist.plugin", "-p", "unidbg.testing.plugin", "-p", "no:cacheprovider", "-n", "4", "-q")


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_four_guests_at_a_time_never_fail(tmp_path: Path, sample: Callable[[str], Path]) -> None:
    failed = run(tmp_path, sample("httpd"), RUNS)
    assert not failed, f"{len(failed)} of {RUNS} runs failed; the first:\n{failed[0]}"


def run(folder: Path, image: Path, runs: int) -> list[str]:
    """What the runs that failed have said."""
    where = json.dumps(str(image))
    (folder / "unidbg.toml").write_text(f'[run]\nimage = {where}\nforward = ["80"]\nready = "port:80"\n')
    (folder / "test_httpd.py").write_text(TESTS)
    failed = []
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *WORDS, "test_httpd.py"],
            cwd=folder,
            env={**os.environ, **ALONE},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or "4 passed" not in done.stdout:
            failed.append(done.stdout + done.stderr)
    return failed
