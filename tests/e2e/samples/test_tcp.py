"""TCP of httpd, segment by segment: opening, loss, disorder, closed windows, resets."""

from __future__ import annotations

import pytest

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.guest import Guest
from tests.e2e.samples.rsp import Stub
from tests.e2e.samples.wire import (
    ACK,
    ARP,
    BROADCAST,
    FIN,
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

REQUEST = b"GET /healthz HTTP/1.1\r\n\r\n"
BLOB = b"GET /blob HTTP/1.1\r\n\r\n"
BLOB_BYTES = 1 << 20
MSS = 1460
START = 0xFFFFFF00
"""Our first sequence number: it wraps soon."""


@pytest.fixture
def guest(boot: Boot) -> Guest:
    found = boot("httpd", network="cable")
    found.wait_for(r"serving port 80$")
    return found


@pytest.fixture
def cable(guest: Guest) -> Cable:
    line = Cable(guest.cable)
    line.send(ethernet(arp(1), ARP, BROADCAST))
    return line


class Peer:
    """A client whose every segment is chosen by the test."""

    def __init__(self, cable: Cable, source: int = 40000, port: int = 80) -> None:
        self.cable = cable
        self.source = source
        self.port = port
        self.sequence = START
        self.expected = 0
        """The guest's next sequence number, as far as we have it."""
        self.window = 65535

    def send(
        self, flags: int, data: bytes = b"", *, at: int = 0, options: bytes = b"", damage: int = 0
    ) -> None:
        """A segment `at` bytes behind our sequence number, which stays as it is."""
        segment = Segment(
            self.source, self.port, self.sequence + at, self.expected, flags, self.window, data, options
        )
        self.cable.send(ethernet(ipv4(segment.pack(damage), TCP)))

    def say(self, data: bytes) -> None:
        """Data in order."""
        self.send(ACK | PSH, data)
        self.sequence += len(data)

    def next(self, timeout: float = 10.0) -> Segment:
        """The guest's next segment for us."""
        while True:
            packet = self.cable.wait_for(lambda packet: packet.protocol == TCP, timeout)
            segment = Segment.unpack(packet.body)
            if segment.port == self.source:
                return segment

    def open(self, mss: int = MSS) -> None:
        """The three-way handshake."""
        self.send(SYN, options=b"\x02\x04" + mss.to_bytes(2))
        self.sequence += 1
        answer = self.next()
        assert answer.flags == SYN | ACK
        assert answer.acknowledgment == self.sequence % 2**32
        assert answer.options == b"\x02\x04\x05\xb4"
        self.expected = answer.sequence + 1
        self.send(ACK)

    def take(self, length: int) -> bytes:
        """So many bytes in order, each segment acknowledged."""
        data = b""
        while len(data) < length:
            segment = self.next()
            if segment.data and segment.sequence == self.expected % 2**32:
                data += segment.data
                self.expected += len(segment.data)
                self.send(ACK)
        return data


def response_length(body: int) -> int:
    """Header and body of a response with `body` bytes of plain text."""
    return (
        len(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
            b"Content-Length: %d\r\nConnection: keep-alive\r\n\r\n" % body
        )
        + body
    )


HEALTHY = response_length(3)


def test_serves_and_closes(cable: Cable) -> None:
    peer = Peer(cable)
    peer.open()
    peer.say(REQUEST)
    assert peer.take(HEALTHY).endswith(b"\r\n\r\nok\n")
    peer.send(FIN | ACK)
    peer.sequence += 1
    last = peer.next()
    while not last.flags & FIN:
        last = peer.next()
    assert last.acknowledgment == peer.sequence % 2**32
    peer.expected += 1
    peer.send(ACK)
    assert cable.silent(0.5)


def test_closed_port_is_reset(cable: Cable) -> None:
    peer = Peer(cable, port=81)
    peer.send(SYN)
    answer = peer.next()
    assert answer.flags == RST | ACK
    assert answer.acknowledgment == (START + 1) % 2**32


def test_stray_segment_is_reset(cable: Cable) -> None:
    peer = Peer(cable)
    peer.expected = 1234
    peer.send(ACK, b"data")
    answer = peer.next()
    assert (answer.flags, answer.sequence) == (RST, 1234)


def test_damaged_segment_is_dropped(cable: Cable) -> None:
    peer = Peer(cable)
    peer.send(SYN, damage=1)
    assert cable.silent(0.3)


def test_segments_out_of_order_are_asked_for_again(cable: Cable) -> None:
    peer = Peer(cable)
    peer.open()
    peer.send(ACK, REQUEST[10:], at=10)
    assert peer.next().acknowledgment == peer.sequence % 2**32
    peer.say(REQUEST[:10])
    peer.say(REQUEST[10:])
    assert peer.take(HEALTHY).endswith(b"ok\n")


def test_overlap_is_cut_off(cable: Cable) -> None:
    peer = Peer(cable)
    peer.open()
    peer.say(REQUEST[:10])
    peer.next()
    peer.send(ACK, REQUEST, at=-10)
    peer.sequence += len(REQUEST) - 10
    assert peer.take(HEALTHY).endswith(b"ok\n")


def test_lost_answer_comes_again(cable: Cable) -> None:
    peer = Peer(cable)
    peer.open()
    peer.say(REQUEST)
    first = peer.next()
    again = peer.next()
    assert (again.sequence, again.data) == (first.sequence, first.data)
    assert first.data


def test_lost_handshake_comes_again(cable: Cable) -> None:
    peer = Peer(cable)
    peer.send(SYN)
    first, again = peer.next(), peer.next()
    assert again == first


def test_third_duplicate_ack_brings_the_lost_segment_at_once(cable: Cable) -> None:
    peer = Peer(cable)
    peer.open()
    peer.say(BLOB)
    lost = peer.next()
    for _ in range(3):
        peer.next()
        peer.send(ACK)
    segment = peer.next(0.15)
    while segment.sequence != lost.sequence:
        segment = peer.next(0.15)
    assert segment.data[: len(lost.data)] == lost.data
    assert len(peer.take(response_length(BLOB_BYTES))) == response_length(BLOB_BYTES)


def test_closed_window_is_probed_and_opens(cable: Cable) -> None:
    peer = Peer(cable)
    peer.open()
    peer.window = 0
    peer.say(REQUEST)
    while not (segment := peer.next()).data:
        pass
    assert len(segment.data) == 1
    peer.window = 65535
    peer.send(ACK)
    assert peer.take(HEALTHY).endswith(b"ok\n")


def test_respects_the_window(cable: Cable) -> None:
    peer = Peer(cable)
    peer.open()
    peer.window = 2000
    peer.say(BLOB)
    sent = 0
    while sent < 2000:
        segment = peer.next()
        sent += len(segment.data)
        assert segment.sequence + len(segment.data) <= peer.expected % 2**32 + 2000
        if sent >= MSS:
            break
    assert cable.silent(0.1)


def test_respects_the_segment_size(cable: Cable) -> None:
    peer = Peer(cable)
    peer.open(mss=300)
    peer.say(BLOB)
    assert {len(peer.next().data) for _ in range(8)} <= {0, 300, response_length(BLOB_BYTES) - BLOB_BYTES}


def test_reset_ends_the_connection(guest: Guest, cable: Cable) -> None:
    peer = Peer(cable)
    peer.open()
    peer.say(BLOB)
    peer.next()
    peer.send(RST, at=1000)
    peer.send(RST)
    Peer(cable, source=40001).open()
    stats = Stub(guest.stub).stats("net")
    assert {v for k, v in stats.items() if k.endswith("remote_port")} == {"40001"}


def test_gives_up_on_a_peer_that_never_answers_but_serves_others(guest: Guest, cable: Cable) -> None:
    for n in range(100):
        Peer(cable, source=41000 + n).send(SYN)
    peer = Peer(cable)
    peer.send(SYN)
    while not cable.silent(0.2):
        pass
    stats = Stub(guest.stub).stats("net")
    assert sum(k.endswith(".state") for k in stats) <= 64


def test_every_byte_of_the_blob_through_a_lossy_line(cable: Cable) -> None:
    """Each 97th segment is lost on its way to us."""
    peer = Peer(cable)
    peer.open()
    peer.say(BLOB)
    total, data, seen = response_length(BLOB_BYTES), b"", 0
    while len(data) < total:
        segment = peer.next()
        seen += 1
        if seen % 97 != 0 and segment.data and segment.sequence == peer.expected % 2**32:
            data += segment.data
            peer.expected += len(segment.data)
        if segment.data:
            peer.send(ACK)
    body = data[-BLOB_BYTES:]
    assert body == b"".join(b"%015x\n" % at for at in range(0, BLOB_BYTES, 16))
