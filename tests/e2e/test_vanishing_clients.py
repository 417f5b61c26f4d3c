"""Clients that vanish from a booted guest: it lives on, and the next one finds a sane stub."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.guests import Booted, boot_guest
from unidbg.session import Session
from unidbg.target import open_target
from unidbg.views.base import Absent

TIMES = 100


@pytest.fixture(scope="module")
def hello(sample: Callable[[str], Path]) -> Iterator[Booted]:
    with boot_guest(sample("hello"), ready="libos: ") as guest:
        yield guest


def check(guest: Booted) -> None:
    """A client sees the guest, which runs when it leaves; one without a lease may have left it standing."""
    with guest.session() as session:
        assert isinstance(session, Session)
        assert not isinstance(session.view("loop"), Absent)
    guest.wait_for_life()


def test_in_the_middle_of_a_packet(hello: Booted) -> None:
    host, port = hello.stub.split(":")
    for cut in (b"$", b"$m1000", b"+$qSupported:swbreak+#3", b"$?#3f", b"\x03", b"+$QStartNoAckMode#b0+$g#6"):
        with socket.create_connection((host, int(port))) as sock:
            sock.sendall(cut)
    check(hello)


def test_a_hundred_in_a_row(hello: Booted) -> None:
    for _ in range(TIMES):
        open_target(hello.stub).close()
    check(hello)


@pytest.mark.skipif(not shutil.which("gdb"), reason="needs gdb")
def test_gdb_killed_at_a_breakpoint(hello: Booted) -> None:
    script = [
        "set pagination off",
        f"target remote {hello.stub}",
        "break log_line",
        "continue",
        "echo here\\n",
    ]
    words = [word for one in script for word in ("-ex", one)]
    gdb = subprocess.Popen(
        ["gdb", "-nx", "-q", *words, str(hello.image)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert gdb.stdout is not None
    said = ""
    while "here" not in said:
        line = gdb.stdout.readline()
        assert line, said
        said += line
    gdb.kill()
    gdb.communicate()
    assert re.search(r"Breakpoint 1, log_line", said), said
    done = subprocess.run(
        ["gdb", "-nx", "-batch", "-ex", f"target remote {hello.stub}", "-ex", "backtrace 1", "-ex", "delete",
         "-ex", "monitor breakpoints clear", "-ex", "detach", str(hello.image)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "log_line" in done.stdout, done.stdout
    check(hello)
