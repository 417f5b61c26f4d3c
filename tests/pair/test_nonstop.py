"""Non-stop: gdb and our own packets read a guest that runs, stop it when they want to, and let it go."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.pair.test_client_and_core import attached
from tests.support.stub_host import HostBuild, Served
from unidbg.rsp.memory import parse_read_many, read_many_request

pytestmark = pytest.mark.timeout(120)
PATIENCE = 30.0


class Gdb:
    """A gdb whose event loop runs: commands go to its standard input, as a person types them."""

    def __init__(self, image: str) -> None:
        self.said = ""
        self.process = subprocess.Popen(
            [str(shutil.which("gdb")), "-nx", "-q", image],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for line in ("set confirm off", "set width 0", "set non-stop on"):
            self.type(line)

    def type(self, line: str) -> None:
        """Enter a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def expect(self, pattern: str) -> str:
        """Wait until it has said so, and forget what it said up to there; gives what matched."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.said)):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.said!r}"
            if select.select([self.process.stdout], [], [], left)[0]:
                data = os.read(self.process.stdout.fileno(), 65536)
                assert data, f"gdb ended: {self.said}"
                self.said += data.decode(errors="replace")
        self.said = self.said[found.end() :]
        return found[0]

    def ask(self, line: str, pattern: str) -> str:
        """Enter a line and wait for its answer."""
        self.type(line)
        return self.expect(pattern)

    def close(self) -> None:
        """It leaves by itself."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.type("quit")
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


@pytest.fixture
def served(build: HostBuild) -> Iterator[Served]:
    """A guest with one thread: gdb looks at the last one of the list, which must have registers."""
    with Served(build) as server:
        yield server


@pytest.fixture
def gdb(build: HostBuild, served: Served) -> Iterator[Gdb]:
    """Attached, and the guest runs on."""
    with closing(Gdb(str(build.image))) as session:
        session.type(f"target remote {served.address}")
        session.expect(r"Remote debugging using")
        for _ in range(100):
            if "(running)" in session.ask("info threads", r"1 +Thread 1 .*\n"):
                break
        yield session


def number(gdb: Gdb, expression: str) -> int:
    return int(gdb.ask(f"print/d {expression}", r"\$\d+ = \d+\n").split()[-1])


@pytest.mark.skipif(shutil.which("gdb") is None, reason="no gdb")
def test_gdb_reads_a_guest_that_runs_and_stops_it_when_asked(gdb: Gdb) -> None:
    before = number(gdb, "ticks")
    while number(gdb, "ticks") == before:
        pass
    gdb.ask("break count", r"Breakpoint 1 at")
    gdb.expect(r"Breakpoint 1, ")
    gdb.ask("backtrace", r"#1 .* in tick")
    gdb.ask("delete", r"\(gdb\)")
    gdb.ask("stepi", r"44\s+nop")
    gdb.ask("thread 1", r"\[Switching to thread 1")
    gdb.ask("continue &", r"Continuing")
    before = number(gdb, "ticks")
    while number(gdb, "ticks") == before:
        pass
    gdb.ask("interrupt", r"(Program|Thread 1 .*) stopped")
    assert number(gdb, "ticks") == number(gdb, "ticks")
    gdb.ask("detach", r"detached\]")


def test_sixty_four_ranges_of_a_running_guest_take_one_round_trip_and_no_stop(
    served: Served, names: dict[str, int]
) -> None:
    ranges = [(names["text"] + index % 5, 1) for index in range(64)]
    with closing(attached(served)) as target:
        assert target.link.request(b"QNonStop:1") == b"OK"
        stops = target.link.request(b"qUnidbgStood").split(b"stops:")[1]
        before = target.link.round_trips
        found = parse_read_many(target.link.request(read_many_request(ranges)), ranges)
        assert target.link.round_trips - before == 1
        assert found == [b"hello"[index % 5 : index % 5 + 1] for index in range(64)]
        assert target.link.request(b"qUnidbgStood").split(b"stops:")[1] == stops
        assert target.link.request(b"QNonStop:0") == b"OK"
