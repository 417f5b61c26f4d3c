"""Breakpoints in the stub's own code are taken and not planted; `monitor device` reads what is there."""

from __future__ import annotations

import pytest

from tests.core_c.conftest import Start
from tests.support.stub_host import Host

OWN = 0x2FF000
"""The page that the host machine has for the stub's code (host/machine.c)."""


@pytest.fixture
def host(start: Start) -> Host:
    return start("--trace").no_ack()


def monitor(host: Host, command: str) -> str:
    return bytes.fromhex(host.ask(b"qRcmd," + command.encode().hex().encode()).decode()).decode()


def test_a_breakpoint_there_is_taken_and_not_planted(host: Host) -> None:
    before = host.ask(b"m%x,4" % OWN)
    assert host.ask(b"Z0,%x,1" % OWN) == b"OK"
    assert monitor(host, "breakpoints") == f"{OWN:#x} in the stub: never hit\n"
    assert host.ask(b"z0,%x,1" % OWN) == b"OK"
    assert host.ask(b"m%x,4" % OWN) == before
    assert host.ask(b"qRcmd," + b"breakpoints".hex().encode()) == b"OK"


def test_nor_one_of_the_hardware(host: Host) -> None:
    for _ in range(6):  # more than there are: none is used up
        assert host.ask(b"Z1,%x,1" % OWN) == b"OK"
        assert host.ask(b"z1,%x,1" % OWN) == b"OK"


def test_nor_one_of_a_tracepoint(host: Host, names: dict[str, int]) -> None:
    for packet in (b"QTinit", b"QTDP:1:%x:E:0:0" % OWN, b"QTStart", b"QTStop"):
        assert host.ask(packet) == b"OK", packet
    assert host.ask(b"m%x,1" % names["count"]) == b"48"


def test_a_device_that_is_not_there(host: Host) -> None:
    assert monitor(host, "device 0x1000") == "nothing is mapped there\n"
