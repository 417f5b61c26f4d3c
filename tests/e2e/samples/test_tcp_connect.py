"""The guest asks for a connection: segment by segment, by way of what it puts to an HTTP server."""

from __future__ import annotations

import pytest

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.guest import Guest
from tests.e2e.samples.rsp import Stub
from tests.e2e.samples.test_stats import items
from tests.e2e.samples.wire import (
    ACK,
    ARP,
    BROADCAST,
    FIN,
    PEER,
    PSH,
    RST,
    SYN,
    TCP,
    Cable,
    Segment,
    arp,
    ethernet,
    ipv4,
)

PORT = 8000
START = 0xFFFFFFF0
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Server:
    """Our end: what it sends is chosen by the test."""

    def __init__(self, cable: Cable) -> None:
        self.cable = cable
        self.sequence = START
        self.syn = self.next(SYN)

    def next(self, flags: int, with_data: bool = False) -> Segment:
        """The next segment of the guest that has these flags."""
        found = self.cable.wait_for(
            lambda p: (
                p.protocol == TCP
                and Segment.unpack(p.body).flags & flags == flags
                and bool(Segment.unpack(p.body).data) >= with_data
            )
        )
        return Segment.unpack(found.body)

    def send(self, flags: int, acknowledgment: int, data: bytes = b"", *, at: int = 0) -> None:
        segment = Segment(PORT, self.syn.source, self.sequence + at, acknowledgment, flags, 65535, data)
        self.cable.send(ethernet(ipv4(segment.pack(), TCP)))

    def accept(self) -> Segment:
        """Up to the request."""
        self.send(SYN | ACK, self.syn.sequence + 1)
        self.sequence += 1
        return self.next(PSH, with_data=True)


@pytest.fixture
def guest(boot: Boot) -> Guest:
    return boot("httpd", f"cloud={PEER}:{PORT}", network="cable")


@pytest.fixture
def server(guest: Guest) -> Server:
    cable = Cable(guest.cable)
    cable.send(ethernet(arp(1), ARP, BROADCAST))
    guest.wait_for(r"serving port 80$")
    return Server(cable)


def test_opens_asks_and_closes(guest: Guest, server: Server) -> None:
    assert server.syn.flags == SYN
    assert server.syn.acknowledgment == 0
    assert server.syn.port == PORT
    assert server.syn.source >= 49152
    request = server.accept()
    assert request.data.startswith(b"PUT /state HTTP/1.1\r\n")
    assert request.data.endswith(b"\r\n\r\nserving")
    server.send(ACK | PSH, request.sequence + len(request.data), GOOD)
    fin = server.next(FIN)
    server.send(ACK | FIN, fin.sequence + 1, at=len(GOOD))
    guest.wait_for(r"metadata: state put$")


def test_repeats_its_question(server: Server) -> None:
    again = server.next(SYN)
    assert (again.sequence, again.source) == (server.syn.sequence, server.syn.source)
    assert server.accept().data.startswith(b"PUT ")


def test_forged_answers_are_ignored(server: Server) -> None:
    right = server.syn.sequence + 1
    server.send(RST, right)  # without an acknowledgment it says nothing
    server.send(RST | ACK, right + 1)
    server.send(SYN | ACK, right - 1)
    server.send(SYN | ACK, right + 7)
    server.send(ACK, right)
    server.send(SYN, 0)
    server.send(FIN | ACK, right)
    assert server.accept().data.startswith(b"PUT ")


def test_refused(guest: Guest, server: Server) -> None:
    server.send(RST | ACK, server.syn.sequence + 1)
    guest.wait_for(r"metadata: state not put$")
    assert not items(Stub(guest.stub).stats("net"), "net.connections")


def test_server_that_says_nothing_is_given_up(guest: Guest, server: Server) -> None:
    request = server.accept()
    server.send(ACK, request.sequence + len(request.data))
    server.next(RST)
    guest.wait_for(r"metadata: state not put$")


def test_nonsense_is_no_success(guest: Guest, server: Server) -> None:
    request = server.accept()
    server.send(ACK | PSH, request.sequence + len(request.data), b"\x1b[2J\0" * 200)
    server.next(FIN)
    server.send(RST | ACK, 0, at=1000)
    guest.wait_for(r"metadata: state not put$")
