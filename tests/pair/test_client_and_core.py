"""Our client against the stub's core on the host, over wires that are good, slow, and bad."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.support.stub_host import HostBuild, Served, build_host, symbols
from tests.support.wires import OneByOne, Spoiling, corrupt, drop_acks
from unidbg.errors import AnotherClient, LocalProtocolError, MemoryFault, TargetError
from unidbg.rsp.layouts import named_layout
from unidbg.rsp.registers import parse_description
from unidbg.target import open_target
from unidbg.target.handshake import fetch_document
from unidbg.target.link import Link
from unidbg.target.rsptarget import RspTarget, attach
from unidbg.transport.line import Line
from unidbg.transport.sockets import open_tcp
from unidbg.transport.url import TcpAddress

pytestmark = pytest.mark.timeout(60)

WIRES: dict[str, Callable[[Line], Line]] = {
    "good": lambda line: line,
    "one by one": OneByOne,
    "corrupting": lambda line: Spoiling(line, corrupt(3)),
    "losing our acks": lambda line: Spoiling(line, drop_acks("out", 2)),
    "losing its acks": lambda line: Spoiling(line, drop_acks("in", 2)),
}


@pytest.fixture(scope="module")
def build() -> HostBuild:
    return build_host()


@pytest.fixture(scope="module")
def names(build: HostBuild) -> dict[str, int]:
    return symbols(build.image)


@pytest.fixture
def served(build: HostBuild) -> Iterator[Served]:
    with Served(build) as host:
        yield host


def attached(served: Served, wire: str = "good") -> RspTarget:
    line = open_tcp(TcpAddress("127.0.0.1", served.port), 5.0)
    return attach(served.address, Link(WIRES[wire](line), timeout=5.0))


def ticks(target: RspTarget, names: dict[str, int]) -> int:
    return int.from_bytes(target.memory.read(names["ticks"], 8), "little")


def still_ticks(served: Served, names: dict[str, int]) -> None:
    """The guest runs when nobody looks."""
    with closing(attached(served)) as target:
        before = ticks(target, names)
        deadline = time.monotonic() + 10.0
        while ticks(target, names) == before:
            assert time.monotonic() < deadline, "the guest stands still"
            time.sleep(0.01)


@pytest.mark.parametrize("wire", WIRES)
def test_everything_works_over_every_wire(
    wire: str, served: Served, names: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unidbg.target.link.REPEAT", 0.1)
    with attached(served, wire) as target:
        assert (target.kind, target.architecture) == ("unidbg", "x86_64")
        assert target.run.running
        assert target.memory.read(names["text"], 5) == b"hello"
        assert target.memory.read_many([(names["text"], 5), (8, 8)]) == [b"hello", None]
        with target.run.stopped():  # the guest writes there at each tick
            target.memory.write(names["buffer"], b"#$}*\x03+-%")
            assert target.memory.read(names["buffer"], 8) == b"#$}*\x03+-%"
        target.run.insert_breakpoint(names["tick"])
        assert target.run.wait(10.0).kind == "breakpoint"
        assert target.registers.read("")["rip"] == names["tick"]
        assert target.run.step("1").kind == "step"
        target.registers.write("", "rbx", 0x123456789)
        assert target.registers.read("")["rbx"] == 0x123456789
        assert [thread.id for thread in target.threads()] == ["1"]
        target.run.resume()
        assert target.run.wait(10.0).kind == "breakpoint"
    still_ticks(served, names)


def test_the_first_bad_byte_is_named(served: Served, names: dict[str, int]) -> None:
    with attached(served) as target, pytest.raises(MemoryFault) as caught:
        target.memory.read(names["text"], 1 << 40)
    assert caught.value.address % 4096 == 0


def test_regions_and_monitor(served: Served) -> None:
    with attached(served) as target:
        assert any(region.permissions.startswith("r") for region in target.memory.regions())
        assert "help" in target.run.monitor("help")
        with pytest.raises((TargetError, LocalProtocolError)):
            target.run.monitor("no such command")


def test_attaching_takes_at_most_eight_packets_with_the_threads(served: Served) -> None:
    with attached(served) as target, target.run.stopped():
        target.threads()
        assert target.link.round_trips <= 8


def test_sixty_four_ranges_take_two_round_trips(served: Served, names: dict[str, int]) -> None:
    ranges = [(names["text"] + (index % 5), 1) for index in range(64)]
    with attached(served) as target:
        before = target.link.round_trips
        assert None not in target.memory.read_many(ranges)
        assert target.link.round_trips - before <= 2


def test_the_description_is_complete(served: Served) -> None:
    with attached(served) as target, target.run.stopped():
        document = fetch_document(target.link, target.stub, "features", "target.xml")
        assert document is not None
        layout = parse_description(document, lambda annex: None)
        assert target.stub.description is None, "it was not fetched"
        known = named_layout(target.stub.features.values["unidbg-registers"])
        assert known is not None
        assert known.registers == layout.registers, "the name must change with the registers"
        values = target.registers.read("")
        assert list(values) == [spec.name for spec in layout.registers]
        assert {"rip", "cr3", "fs_base", "xmm15"} <= set(values)


CLIENT = """
import sys, time
from unidbg.target import open_target
target = open_target(sys.argv[1])
target.run.insert_breakpoint(int(sys.argv[2]))
target.run.stop()
target.link._outgoing += b"$m2000"
target.link._write()
print("up", flush=True)
time.sleep(60)
"""


def start_client(served: Served, address: int) -> subprocess.Popen[str]:
    """Another process that holds the guest stopped, in the middle of a packet, with a breakpoint set."""
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, served.address, str(address)], stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "up\n"
    return client


@pytest.mark.parametrize("wait", [False, True])
def test_a_client_that_is_killed_leaves_a_guest_that_runs_on(
    served: Served, names: dict[str, int], wait: bool
) -> None:
    """The next client takes over at once; and where none comes, the lease lets the guest go."""
    client = start_client(served, names["quiet"])
    client.send_signal(signal.SIGKILL)
    client.wait(10.0)
    client.stdout.close()  # type: ignore[union-attr]
    if wait:
        time.sleep(3.5)  # the lease: its length is what is being tested
    still_ticks(served, names)
    with attached(served) as target:
        assert target.memory.read(names["quiet"], 1) != b"\xcc"


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="needs Linux's /proc")
def test_a_second_client_is_told_of_the_first_and_does_not_disturb(
    served: Served, names: dict[str, int]
) -> None:
    with attached(served) as target:
        target.run.stop()
        with pytest.raises(AnotherClient) as caught:
            open_target(served.address, timeout=0.5)
        assert caught.value.pid == os.getpid()
        assert not target.run.running
        assert target.memory.read(names["text"], 5) == b"hello"
    still_ticks(served, names)


def test_a_hundred_clients_in_a_row(served: Served, names: dict[str, int]) -> None:
    for _ in range(100):
        with attached(served) as target:
            target.memory.read(names["text"], 5)
    still_ticks(served, names)


def test_over_the_stdio_of_a_child(build: HostBuild, names: dict[str, int]) -> None:
    url = f"exec:{build.program} --stdio {build.image}"
    with closing(open_target(url)) as target:
        assert target.kind == "unidbg"
        assert target.memory.read(names["text"], 5) == b"hello"
