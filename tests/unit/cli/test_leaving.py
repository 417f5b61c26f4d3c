"""However a command ends, the guest is let go: Ctrl-C, a signal, a closed pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from tests.golden.sample import FakeSession
from unidbg.cli import opening
from unidbg.cli.running import run

class Session(FakeSession):
    def __exit__(self, *raised):
        print("let go", file=sys.stderr, flush=True)

    def view(self, name):
        view = super().view(name)
        if name == "log":
            print("waiting", flush=True)
            import threading
            threading.Event().wait()
        return view

opening.open_session = lambda target, settings: Session()
sys.exit(run(sys.argv[1:]))
"""


HEEDING = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
"""These tests may themselves run under nohup."""


def start(*arguments: str, before: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", before + SCRIPT, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal(number: int, code: int) -> None:
    with start("log", ":1", before=HEEDING) as process:
        assert first_line(process) == b"waiting\n"
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (code, b"", b"let go\n")


def test_a_pipe_that_closes() -> None:
    with start("heap", ":1", "--json", "--watch=0.05") as process:
        assert b'"view": "heap"' in first_line(process)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == b"let go\n"


def test_a_signal_that_is_ignored_stays_so() -> None:
    """`nohup unidbg ... &` goes on."""
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    with subprocess.Popen(
        [sys.executable, "-c", ignoring + SCRIPT, "log", ":1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert first_line(process) == b"waiting\n"
        os.kill(process.pid, signal.SIGHUP)
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 143


def shell(redirection: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "$1" heap :1 {redirection}', sys.executable, SCRIPT],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
    )


def test_streams_that_are_closed() -> None:
    assert shell(">&-").returncode == 0
    assert b"allocated" in shell("2>&-").stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_disk_that_is_full() -> None:
    ran = shell("> /dev/full")
    assert ran.returncode == 2
    assert ran.stderr == b"let go\nunidbg: error: the answer could not be written: No space left on device\n"
