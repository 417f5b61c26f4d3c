"""ARP, ICMP and UDP of httpd, frame by frame, damaged ones included."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.guest import Guest
from tests.e2e.samples.rsp import Stub
from tests.e2e.samples.wire import (
    ARP,
    BROADCAST,
    GUEST,
    GUEST_MAC,
    ICMP,
    PEER,
    UDP,
    Cable,
    Packet,
    arp,
    checksum,
    echo_request,
    ethernet,
    ipv4,
    udp,
)


@pytest.fixture
def guest(boot: Boot) -> Guest:
    found = boot("httpd", network="cable")
    found.wait_for(r"serving port 80$")
    return found


@pytest.fixture
def cable(guest: Guest) -> Cable:
    """A cable to a guest that knows where its peer is."""
    line = Cable(guest.cable)
    line.send(ethernet(arp(1), ARP, BROADCAST))
    line.wait_for(is_arp_reply)
    return line


def is_arp_reply(packet: Packet) -> bool:
    return packet.kind == ARP and packet.body[6:8] == b"\0\2"


def is_icmp(packet: Packet) -> bool:
    return packet.protocol == ICMP


def is_udp(packet: Packet) -> bool:
    return packet.protocol == UDP


def test_answers_arp(guest: Guest) -> None:
    line = Cable(guest.cable)
    line.send(ethernet(arp(1), ARP, BROADCAST))
    reply = line.wait_for(is_arp_reply).body
    assert reply[8:14] == GUEST_MAC
    assert reply[14:18] == socket.inet_aton(GUEST)
    assert reply[24:28] == socket.inet_aton(PEER)


def test_leaves_questions_for_others_alone(cable: Cable) -> None:
    cable.send(ethernet(arp(1, "10.0.2.99"), ARP, BROADCAST))
    cable.send(ethernet(arp(1), ARP, BROADCAST))
    assert cable.wait_for(is_arp_reply).body[14:18] == socket.inet_aton(GUEST)


@pytest.mark.parametrize("length", [0, 1, 56, 1472])
def test_answers_ping(cable: Cable, length: int) -> None:
    data = bytes(n % 251 for n in range(length))
    cable.send(ethernet(ipv4(echo_request(data), ICMP)))
    reply = cable.wait_for(is_icmp).body
    assert reply[0] == 0
    assert checksum(reply) == 0
    assert reply[4:] == echo_request(data)[4:]


def test_echoes_datagrams(cable: Cable) -> None:
    cable.send(ethernet(ipv4(udp(b"hello"), UDP)))
    reply = cable.wait_for(is_udp).body
    assert reply[:4] == b"\x00\x07\x13\x88"
    assert reply[8:] == b"hello"


def test_drops_what_is_damaged_or_for_others(guest: Guest, cable: Cable) -> None:
    cable.send(ethernet(ipv4(echo_request(b"x", damage=1), ICMP)))
    cable.send(ethernet(ipv4(echo_request(b"x"), ICMP, damage=1)))
    cable.send(ethernet(ipv4(echo_request(b"x"), ICMP, to="10.0.2.16")))
    cable.send(ethernet(ipv4(echo_request(b"x"), ICMP, fragment=0x2000)))
    cable.send(ethernet(ipv4(echo_request(b"x"), ICMP), to=b"\x02" + bytes(5)))
    cable.send(ethernet(ipv4(udp(b"x", damage=1), UDP)))
    cable.send(ethernet(ipv4(udp(b"x", port=9), UDP)))
    cable.send(ethernet(ipv4(b"x", 99)))
    cable.send(ethernet(b"", 0x86DD))
    cable.send(ethernet(b"\x45" * 7))
    cable.send(ethernet(arp(1)[:20], ARP, BROADCAST))
    cable.send(ethernet(ipv4(udp(b"the end"), UDP)))
    assert cable.wait_for(lambda packet: packet.kind != ARP).body[8:] == b"the end"
    stats = Stub(guest.stub).stats("net")
    assert stats["net.protocols.1.dropped"] == "1"
    assert stats["net.protocols.2.dropped"] == "2"
    assert int(stats["net.interfaces.0.rx.dropped"]) >= 7


def test_survives_a_flood(guest: Guest, cable: Cable) -> None:
    for n in range(2000):
        cable.send(ethernet(ipv4(udp(b"%04d" % n), UDP)))
        if n % 100 == 99:
            cable.wait_for(lambda packet, n=n: packet.body[8:] == b"%04d" % n)  # type: ignore[misc]
    stub = Stub(guest.stub)
    stats = stub.stats("net") | stub.stats("rings")
    assert stats["net.listeners.1.accepted"] == "2000"
    assert stats["net.protocols.2.sent"] == "2000"
    assert int(stats["rings.rings.0.head"]) >= 2000
    assert stats["rings.rings.0.in_flight"] == "0"
    assert int(stats["rings.rings.0.queue.in_flight"]) == int(stats["rings.rings.0.size"])
