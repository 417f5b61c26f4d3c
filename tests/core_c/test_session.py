"""Clients come, vanish and come again: the guest lives, and the next client finds a sane stub."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.core_c.conftest import Start
from tests.support.stub_host import HostBuild, Line, Served, frame

SHORT_LEASE_MS = 150
Connect = Callable[[], Line]


@pytest.fixture
def served(build: HostBuild) -> Iterator[Served]:
    """A guest that ticks every 10 ms, behind a socket."""
    with Served(build) as server:
        yield server


@pytest.fixture
def connect(served: Served) -> Iterator[Connect]:
    """Connect one client more, the one before it being gone."""
    open_now: list[socket.socket] = []

    def one() -> Line:
        hang_up(open_now)
        open_now.append(socket.create_connection(("127.0.0.1", served.port)))
        return Line(open_now[-1].fileno(), open_now[-1].fileno())

    yield one
    hang_up(open_now)


def hang_up(sockets: list[socket.socket]) -> None:
    while sockets:
        sockets.pop().close()


def ticks(line: Line, names: dict[str, int]) -> int:
    """The guest's counter."""
    return int.from_bytes(bytes.fromhex(line.ask(b"m%x,8" % names["ticks"]).decode()), "little")


def stop_of(line: Line) -> dict[bytes, bytes]:
    """`qUnidbgStop`, by key."""
    return dict(pair.split(b":") for pair in line.ask(b"qUnidbgStop").split(b";") if pair)


def wait_for_ticks(line: Line, names: dict[str, int], beyond: int) -> None:
    """Look in again and again, letting the guest go each time, until it has ticked."""
    deadline = time.monotonic() + 10
    while ticks(line, names) <= beyond:
        assert line.ask(b"D") == b"OK"
        assert time.monotonic() < deadline, "the guest does not tick"


def test_nothing_is_sent_before_a_client_asks(connect: Connect) -> None:
    line = connect()
    assert line.quiet()
    line.send(b"+")
    assert line.quiet()


def test_a_lone_plus_does_not_stop_the_guest(connect: Connect, names: dict[str, int]) -> None:
    line = connect()
    before = ticks(line, names)
    line.ask(b"D")
    for _ in range(20):
        line.send(b"+")
    wait_for_ticks(line, names, before)
    assert stop_of(line)[b"kind"] == b"attach"


def test_a_hundred_attaches(connect: Connect, names: dict[str, int]) -> None:
    before = ticks(connect(), names)
    for number in range(100):
        line = connect()
        line.send(b"+")
        assert line.ask(b"qSupported").startswith(b"PacketSize=")
        assert line.ask(b"Z0,%x,1" % names["count"]) == b"OK"
        if number % 2:
            assert line.ask(b"QStartNoAckMode") == b"OK"
        assert line.ask(b"D") == b"OK"
    line = connect()
    line.send(b"+")
    wait_for_ticks(line, names, before)


def test_a_client_that_died_in_the_middle_of_a_packet(connect: Connect, names: dict[str, int]) -> None:
    for part in (b"$", b"$qC", b"$qC#", b"$qC#b", b"$X%x,10:ab}" % names["buffer"]):
        connect().send(part)
        line = connect()
        line.send(b"+")
        assert line.ask(b"qC") == b"QC1", part
        assert line.ask(b"D") == b"OK"


def test_a_client_after_one_that_had_switched_acknowledgements_off(connect: Connect) -> None:
    """GDB greets with `+` and asks qSupported; it waits for an acknowledgement."""
    line = connect()
    line.send(b"+")
    assert line.ask(b"QStartNoAckMode") == b"OK"
    line.send(b"+" + frame(b"qSupported"))
    assert line.read_byte() == b"$", "its own acknowledgement of the OK is no greeting"
    gdb = connect()
    gdb.send(b"+" + frame(b"qSupported:swbreak+"))
    assert gdb.read_byte() == b"+"
    assert gdb.read_packet().startswith(b"PacketSize=")
    lldb = connect()
    lldb.send(b"+" + frame(b"QStartNoAckMode"))
    assert lldb.read_byte() == b"+"
    assert lldb.read_packet() == b"OK"


def test_what_one_client_negotiated_does_not_bind_the_next(connect: Connect, names: dict[str, int]) -> None:
    line = connect()
    line.ask(b"qSupported:error-message+")
    assert line.ask(b"x0,0") == b"OK"
    assert line.ask(b"x%x,1" % names["text"]) == b"h"
    assert line.ask(b"qRcmd,00").startswith(b"E.")
    line = connect()
    line.send(b"+")
    line.ask(b"qSupported")
    assert line.ask(b"x%x,1" % names["text"]) == b"bh"
    assert line.ask(b"qRcmd,00") == b"E01"


def test_a_guest_that_a_debugger_left_stopped_waits(connect: Connect, names: dict[str, int]) -> None:
    """GDB was killed at a breakpoint: no lease, so the guest stands, and the next client takes over."""
    line = connect()
    line.ask(b"Z0,%x,1" % names["count"])
    assert b"swbreak" in line.ask(b"c")
    stood = ticks(line, names)
    line = connect()
    line.send(b"+")
    assert stop_of(line)[b"kind"] == b"breakpoint"
    assert ticks(line, names) == stood
    assert b"swbreak" in line.ask(b"?")
    assert line.ask(b"D") == b"OK"
    wait_for_ticks(line, names, stood)
    assert line.ask(b"m%x,1" % names["count"]) == b"48"


def test_a_debugger_that_vanished_while_the_guest_ran(connect: Connect, names: dict[str, int]) -> None:
    """Its breakpoint is hit with nobody there: the next client finds the guest standing at it."""
    line = connect()
    line.ask(b"Z0,%x,1" % names["count"])
    line.send(frame(b"c"))
    line = connect()
    line.send(b"+")
    deadline = time.monotonic() + 10
    while stop_of(line)[b"kind"] != b"breakpoint":
        line.send(frame(b"c"))
        assert b"swbreak" in line.read_packet()
        assert time.monotonic() < deadline
    assert line.ask(b"D") == b"OK"


def lease(line: Line) -> None:
    line.send(b"+")
    assert line.ask(b"QUnidbgLease:%x" % SHORT_LEASE_MS) == b"OK"


def test_a_client_with_a_lease_that_falls_silent(connect: Connect, names: dict[str, int]) -> None:
    line = connect()
    lease(line)
    line.ask(b"Z0,%x,1" % names["count"])
    stood = ticks(line, names)
    time.sleep(2 * SHORT_LEASE_MS / 1000)
    line = connect()
    assert stop_of(line)[b"kind"] == b"attach", "the guest went on"
    assert line.ask(b"qRcmd," + b"breakpoints".hex().encode()) == b"OK", "no breakpoint is left"
    wait_for_ticks(line, names, stood)


def test_a_lease_from_the_first_packet_on(connect: Connect, names: dict[str, int]) -> None:
    """The client is killed before it could send a second packet."""
    line = connect()
    line.send(b"+")
    assert b"unidbg-abi=1" in line.ask(b"qSupported:swbreak+;unidbg-lease=%x;hwbreak+" % SHORT_LEASE_MS)
    stood = ticks(line, names)
    time.sleep(2 * SHORT_LEASE_MS / 1000)
    line = connect()
    assert stop_of(line)[b"kind"] == b"attach", "the guest went on"
    wait_for_ticks(line, names, stood)


def test_a_lease_ends_while_the_guest_runs(connect: Connect, names: dict[str, int]) -> None:
    """Its breakpoints must not stay in the code of a guest that nobody debugs."""
    line = connect()
    lease(line)
    line.ask(b"Z0,%x,1" % names["quiet"])
    line.ask(b"Z0,%x,1" % names["spin"])
    line.ask(b"z0,%x,1" % names["quiet"])
    line.send(frame(b"c"))
    time.sleep(2 * SHORT_LEASE_MS / 1000)
    line = connect()
    assert line.ask(b"qRcmd," + b"breakpoints".hex().encode()) == b"OK"


def test_the_next_client_takes_over_from_one_with_a_lease(connect: Connect, names: dict[str, int]) -> None:
    """It need not wait for the lease to end: what the vanished client left behind is gone at once."""
    line = connect()
    line.send(b"+")
    assert line.ask(b"QUnidbgLease:ea60") == b"OK"
    line.ask(b"Z0,%x,1" % names["count"])
    assert b"swbreak" in line.ask(b"c")
    line = connect()
    line.send(b"+")
    line.ask(b"qSupported")
    assert stop_of(line)[b"kind"] == b"attach"
    assert line.ask(b"qRcmd," + b"breakpoints".hex().encode()) == b"OK"


def test_any_byte_renews_a_lease(connect: Connect, names: dict[str, int]) -> None:
    line = connect()
    line.send(b"+")
    assert line.ask(b"QUnidbgLease:3e8") == b"OK"
    stops = stop_of(line)[b"stops"]
    for _ in range(8):
        time.sleep(0.2)
        line.send(b"+")
    assert stop_of(line)[b"stops"] == stops, "it stands all the time"


def test_a_lease_ends_by_request_and_by_detaching(connect: Connect, names: dict[str, int]) -> None:
    line = connect()
    for end in (b"QUnidbgLease:0", b"D"):
        lease(line)
        assert line.ask(end) == b"OK"
        stops = stop_of(line)[b"stops"]
        time.sleep(2 * SHORT_LEASE_MS / 1000)
        assert stop_of(line)[b"stops"] == stops


def test_a_crashed_guest_stays_when_a_lease_ends(connect: Connect, names: dict[str, int]) -> None:
    line = connect()
    lease(line)
    line.ask(b"M%x,8:%b" % (names["crash"], names["crash_read"].to_bytes(8, "little").hex().encode()))
    assert line.ask(b"c").startswith(b"T0b")
    time.sleep(2 * SHORT_LEASE_MS / 1000)
    line = connect()
    stop = stop_of(line)
    assert (stop[b"kind"], stop[b"fatal"]) == (b"exception", b"1")
    assert bytes.fromhex(stop[b"text"].decode()).startswith(b"page fault: read of 0x1000")


def test_noise_stops_no_guest_for_longer_than_two_seconds(build: HostBuild) -> None:
    """What is no packet does not stop it at all."""
    noises = {b"$": b"1", b"$garbage": b"1", b"$qC#00": b"1", b"\x03": b"2", b"$qC#b4": b"2"}
    with contextlib.ExitStack() as stack:
        guests = [stack.enter_context(Served(build)) for _ in noises]
        for guest, noise in zip(guests, noises, strict=True):
            with socket.create_connection(("127.0.0.1", guest.port)) as client:
                client.sendall(noise)
        time.sleep(2.5)
        for guest, stops in zip(guests, noises.values(), strict=True):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", guest.port)))
            stop = stop_of(Line(client.fileno(), client.fileno()))
            assert (stop[b"kind"], stop[b"stops"]) == (b"attach", stops)


def test_the_stub_tells_how_long_the_guest_stood_without_stopping_it(connect: Connect) -> None:
    line = connect()
    line.send(b"+")
    line.ask(b"QStartNoAckMode")
    line.send(b"+" + frame(b"qC"))
    assert line.read_packet() == b"QC1"
    time.sleep(0.05)
    assert line.ask(b"qUnidbgStood") == b"ns:0;stops:1;"
    line.send(frame(b"vCont;c") + frame(b"qUnidbgStood"))
    ns, stops = (pair.split(b":")[1] for pair in line.read_packet().split(b";")[:2])
    assert int(ns, 16) > 50_000_000
    assert stops == b"1"
    line.ask(b"D")


def test_stop_read_and_resume_in_one_round_trip(connect: Connect, names: dict[str, int]) -> None:
    line = connect()
    line.send(b"+")
    line.ask(b"QStartNoAckMode")
    line.send(b"+" + frame(b"c"))
    for _ in range(20):
        ranges = b",".join(b"%x,8" % (0x300000 + 64 * n) for n in range(64))
        line.send(frame(b"MultiMemRead:ranges:" + ranges + b";") + frame(b"c"))
        reply = line.read_packet()
        assert len(reply.partition(b";")[2]) == 64 * 8
    assert line.quiet(), "no stop reply is owed"


def test_the_process_ends_with_its_line(start: Start) -> None:
    """The host program itself: its fixture fails on any report of a sanitizer."""
    host = start()
    assert host.ask(b"qC") == b"QC1"
    os.kill(host.process.pid, 0)
