"""The functions that a kernel calls, at their limits: host/calls.c."""

from __future__ import annotations

import os
import subprocess

from tests.support.stub_host import SANITIZERS, HostBuild


def test_calls(build: HostBuild) -> None:
    done = subprocess.run(
        [build.program.with_name("calls"), build.image],
        env={**os.environ, **SANITIZERS},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
