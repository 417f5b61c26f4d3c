"""What goes wrong for users: in five seconds a cause and a next step, exit code 2, the guest untouched."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.e2e.guests import UNIDBG, Boot, Booted, run_unidbg
from unidbg.target.guests import launch, stop

PATIENCE = 5.0
SPARE = 3.0
"""Seconds for the start of Python on a machine that runs other tests beside this one."""


def refused(*words: str, says: str) -> None:
    """The command answers in time, on stderr, what is wrong (`says`), and what to do; exit code 2."""
    started = time.monotonic()
    done = run_unidbg(*words)
    assert time.monotonic() - started < PATIENCE + SPARE
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == ""
    assert re.search(says, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("unidbg: error: ")


@pytest.fixture
def guest(boot: Boot) -> Booted:
    return boot("hello", ready="hello, world")


@contextmanager
def server(greeting: bytes) -> Iterator[str]:
    """Accepts clients, sends `greeting` and is silent: `127.0.0.1:PORT`."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        child = subprocess.Popen(
            [
                "python3",
                "-c",
                "import socket, sys, time\n"
                "listener = socket.socket(fileno=int(sys.argv[1]))\n"
                "kept = []\n"
                "while True:\n"
                "    peer, _ = listener.accept()\n"
                "    peer.sendall(bytes.fromhex(sys.argv[2]))\n"
                "    kept.append(peer)\n",
                str(listener.fileno()),
                greeting.hex(),
            ],
            pass_fds=[listener.fileno()],
        )
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            child.kill()
            child.wait()


def test_a_closed_port() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    refused("overview", f":{port}", says=r"refused.*")


def test_something_that_is_not_rsp() -> None:
    with server(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n") as url:
        refused("overview", url, says="(?i)ssh")
    with server(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n") as url:
        refused("overview", url, says="(?i)http")


def test_a_silent_peer() -> None:
    with server(b"") as url:
        refused("overview", url, says="(?i)answer|silent")


def test_a_guest_that_hangs_with_interrupts_off(boot: Boot, guest: Booted) -> None:
    """QEMU holds it: for its stub the same as a processor that takes no interrupt."""
    with guest.session(guest.gdbstub) as other:
        assert other.target.run is not None
        with other.target.run.stopped():
            refused("overview", guest.stub, says="(?s)interrupts off.*gdbstub")
    guest.wait_for_life()


def test_images_that_are_of_no_use(guest: Booted, tmp_path: Path) -> None:
    text, bare, symbols = tmp_path / "notes.txt", tmp_path / "stripped.elf", tmp_path / "symbols.elf"
    text.write_text("this is no image")
    subprocess.run(["strip", "-o", bare, guest.image], check=True)
    subprocess.run(["strip", "-g", "-o", symbols, guest.image], check=True)
    refused("heap", guest.stub, "--image", str(text), says="not an ELF")
    refused("heap", guest.stub, "--image", str(tmp_path / "none.elf"), says="there is no file")
    refused("heap", guest.stub, "--image", str(bare), says="no debug information|no symbols")
    refused("heap", guest.stub, "--image", str(symbols), says="(?i)debug|DWARF")
    guest.wait_for_life()


def test_the_image_of_another_build(guest: Booted, sample: object) -> None:
    assert callable(sample)
    refused("heap", guest.stub, "--image", str(sample("httpd")), says="is not the image that runs")
    guest.wait_for_life()


def test_a_line_that_another_client_holds(guest: Booted) -> None:
    host, _, port = guest.stub.rpartition(":")
    with socket.create_connection((host, int(port))):
        started = time.monotonic()
        refused("heap", guest.stub, says=r"another client holds this line.*\(pid \d+\)")
        assert time.monotonic() - started < 2.0 + SPARE
        beside = run_unidbg("heap", guest.name)
    assert beside.returncode == 0, beside.stderr
    assert "allocated" in beside.stdout
    guest.wait_for_life()


@pytest.mark.parametrize("line", ["stub", "gdbstub"])
def test_ctrl_c_leaves_the_guest_running(guest: Booted, line: str) -> None:
    for delay in (0.2, 0.5, 0.9):
        child = watching(guest, line)
        time.sleep(delay)  # whatever it does at that moment: the guest must not be left standing
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=10) == 130
        guest.wait_for_life()


@pytest.mark.parametrize("line", ["stub", "gdbstub"])
def test_a_killed_client_leaves_the_guest_running_for_the_next(guest: Booted, line: str) -> None:
    for delay in (0.3, 0.6, 1.0):
        child = watching(guest, line)
        time.sleep(delay)
        child.kill()
        child.wait(timeout=10)
        guest.wait_for_life()
        done = guest.unidbg("heap", guest.record.lines[line])
        assert done.returncode == 0, done.stderr


def watching(guest: Booted, line: str) -> subprocess.Popen[bytes]:
    """A client that reads the guest over and over."""
    return subprocess.Popen(
        [UNIDBG, "overview", guest.record.lines[line], "--watch=0.05", "--image", str(guest.image)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_the_guest_of_a_launch_that_fails_is_forgotten(tmp_path: Path) -> None:
    image = tmp_path / "not.elf"
    image.write_text("no ELF")
    refused("run", str(image), says="not an ELF file")
    done = run_unidbg("ls")
    assert "not" not in done.stdout


def test_a_name_is_used_once(guest: Booted) -> None:
    refused("run", str(guest.image), "--name", guest.record.name, says="runs already")
    record = launch(str(guest.image), accelerator="tcg", port=0)
    try:
        assert record.name != guest.record.name
        assert f"@{record.name}" in run_unidbg("ls").stdout
    finally:
        stop(record.name)
    refused("heap", f"@{record.name}", says="no guest")
