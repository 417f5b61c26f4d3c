"""Ends a guest when the process that booted it is gone, however it went: a child that waits for the end of a
pipe.
"""

from __future__ import annotations

import subprocess
import sys

CODE = """
import os, signal, sys
pid, birth = int(sys.argv[1]), sys.argv[2]
signal.signal(signal.SIGINT, signal.SIG_IGN)
if sys.stdin.buffer.read():
    sys.exit()
try:
    with open(f"/proc/{pid}/stat", "rb") as file:
        same = file.read().rpartition(b")")[2].split()[19].decode() == birth
except OSError:
    same = False
if same:
    os.kill(pid, signal.SIGKILL)
"""
"""Whoever still says something before the pipe ends has ended the guest himself."""


def birth_of(pid: int) -> str:
    """When a process started, in ticks since boot: tells it from a later one of the same id."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except OSError:
        return ""


class Guardian:
    """Watches over process `pid` on behalf of this one."""

    def __init__(self, pid: int) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", CODE, str(pid), birth_of(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """The guest has ended. Idempotent."""
        if self._child.poll() is None:
            try:
                self._child.communicate(b"ended", timeout=5)
            except (OSError, subprocess.TimeoutExpired):
                self._child.kill()
                self._child.wait()
