"""The pytest plugin costs those nothing who do not use it; a guest does not outlive the one who booted it."""

from __future__ import annotations

import signal
import subprocess
import sys

from unidbg.target.registry import birth_of
from unidbg.testing.guardian import Guardian, script

IMPORTED = (
    "import sys, unidbg.testing.plugin; print(*sorted(n for n in sys.modules if n.startswith('unidbg')))"
)


def test_the_plugin_imports_nothing_of_unidbg_until_a_fixture_is_used() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["unidbg", "unidbg.testing", "unidbg.testing.plugin"]


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


def test_a_guardian_that_is_dismissed_leaves_the_process_alone() -> None:
    child = sleeper()
    try:
        guardian = Guardian(child.pid)
        guardian.dismiss()
        guardian.dismiss()
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


KILLED = """
import os, signal, sys
from unidbg.testing.guardian import Guardian
guardian = Guardian(int(sys.argv[1]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_guest_ends_with_the_one_who_booted_it() -> None:
    child = sleeper()
    try:
        subprocess.run([sys.executable, "-c", KILLED, str(child.pid)], check=False)
        assert child.wait(timeout=20) != 0
    finally:
        child.kill()
        child.wait()


def test_another_process_of_the_same_id_is_left_alone() -> None:
    child = sleeper()
    try:
        subprocess.run(["/bin/sh", "-c", script(child.pid, "1")], check=False)
        assert child.poll() is None
        assert birth_of(child.pid) != birth_of(2**22 + 1) == ""
        subprocess.run(["/bin/sh", "-c", script(child.pid, birth_of(child.pid))], check=True)
        assert child.wait(timeout=20) == -signal.SIGKILL
    finally:
        child.kill()
        child.wait()
