"""Ethernet frames, made and read by hand: the other end of the guest's network cable."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

GUEST, PEER = "10.0.2.15", "10.0.2.2"
GUEST_MAC, PEER_MAC = bytes.fromhex("525400123456"), bytes.fromhex("525500000002")
BROADCAST = b"\xff" * 6
ARP, IPV4 = 0x0806, 0x0800
ICMP, TCP, UDP = 1, 6, 17
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(payload: bytes, kind: int = IPV4, to: bytes = GUEST_MAC) -> bytes:
    """A frame from the peer."""
    return to + PEER_MAC + struct.pack("!H", kind) + payload


def arp(operation: int, target: str = GUEST, target_mac: bytes = bytes(6)) -> bytes:
    """An ARP packet from the peer."""
    fixed = struct.pack("!HHBBH", 1, IPV4, 6, 4, operation)
    return fixed + PEER_MAC + socket.inet_aton(PEER) + target_mac + socket.inet_aton(target)


def ipv4(payload: bytes, protocol: int, *, to: str = GUEST, fragment: int = 0x4000, damage: int = 0) -> bytes:
    """An IPv4 packet from the peer; `damage` is added to the checksum."""
    addresses = socket.inet_aton(PEER) + socket.inet_aton(to)
    start = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol)
    right = checksum(start + b"\0\0" + addresses)
    return start + struct.pack("!H", (right + damage) & 0xFFFF) + addresses + payload


def pseudo(protocol: int, length: int, to: str = GUEST) -> bytes:
    """The pseudo header of a datagram or segment from peer to guest (or back: the sum is the same)."""
    return socket.inet_aton(PEER) + socket.inet_aton(to) + struct.pack("!BBH", 0, protocol, length)


def echo_request(data: bytes, *, damage: int = 0) -> bytes:
    """An ICMP echo request."""
    start = struct.pack("!BB", 8, 0)
    rest = struct.pack("!HH", 77, 1) + data
    right = checksum(start + b"\0\0" + rest)
    return start + struct.pack("!H", (right + damage) & 0xFFFF) + rest


def udp(data: bytes, port: int = 7, source: int = 5000, *, to: str = GUEST, damage: int = 0) -> bytes:
    """A UDP datagram."""
    length = 8 + len(data)
    start = struct.pack("!HHH", source, port, length)
    right = checksum(pseudo(UDP, length, to) + start + b"\0\0" + data)
    return start + struct.pack("!H", (right + damage) & 0xFFFF) + data


@dataclass(frozen=True)
class Segment:
    """A TCP segment, as numbers."""

    source: int
    port: int
    sequence: int
    acknowledgment: int
    flags: int
    window: int = 65535
    data: bytes = b""
    options: bytes = b""

    def pack(self, damage: int = 0) -> bytes:
        """With the right checksum, plus `damage`."""
        words = (20 + len(self.options)) // 4
        numbers = (self.sequence % 2**32, self.acknowledgment % 2**32, words << 4, self.flags, self.window)
        head = struct.pack("!HHIIBBH", self.source, self.port, *numbers)
        rest = struct.pack("!H", 0) + self.options + self.data
        right = checksum(pseudo(TCP, len(head) + 2 + len(rest)) + head + b"\0\0" + rest)
        return head + struct.pack("!H", (right + damage) & 0xFFFF) + rest

    @classmethod
    def unpack(cls, packet: bytes) -> Segment:
        """From a segment of the guest, whose checksum must be right."""
        assert checksum(pseudo(TCP, len(packet)) + packet) == 0
        source, port, sequence, acknowledgment, words, flags, window = struct.unpack("!HHIIBBH", packet[:16])
        length = (words >> 4) * 4
        return cls(source, port, sequence, acknowledgment, flags, window, packet[length:], packet[20:length])


@dataclass(frozen=True)
class Packet:
    """A frame from the guest: `body` is what follows the IPv4 header, or the Ethernet header for ARP."""

    kind: int
    protocol: int
    body: bytes


def asks_for_peer(packet: Packet) -> bool:
    """Does the guest ask by ARP where we are?"""
    is_request = packet.kind == ARP and packet.body[6:8] == b"\0\1"
    return is_request and packet.body[24:28] == socket.inet_aton(PEER)


class Cable:
    """QEMU's socket backend: each frame after its length, 4 bytes in network order."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._buffer = b""

    def send(self, frame: bytes) -> None:
        """Give the guest a frame."""
        self._line.sendall(struct.pack("!I", len(frame)) + frame)

    def receive(self, timeout: float = 10.0) -> Packet:
        """The next frame of the guest."""
        deadline = time.monotonic() + timeout
        while len(self._buffer) < 4 or len(self._buffer) < 4 + struct.unpack("!I", self._buffer[:4])[0]:
            self._line.settimeout(max(0.001, deadline - time.monotonic()))
            piece = self._line.recv(65536)
            assert piece, "the cable is cut"
            self._buffer += piece
        length = struct.unpack("!I", self._buffer[:4])[0]
        frame, self._buffer = self._buffer[4 : 4 + length], self._buffer[4 + length :]
        return _read(frame)

    def wait_for(self, wanted: Callable[[Packet], bool], timeout: float = 10.0) -> Packet:
        """The next frame that is wanted; others are dropped, the guest's questions by ARP answered."""
        deadline = time.monotonic() + timeout
        while True:
            packet = self.receive(deadline - time.monotonic())
            if asks_for_peer(packet):
                self.send(ethernet(arp(2, GUEST, GUEST_MAC), ARP))
            if wanted(packet):
                return packet

    def silent(self, seconds: float) -> bool:
        """True when nothing but ARP comes for so long."""
        try:
            self.wait_for(lambda packet: packet.kind != ARP, seconds)
        except TimeoutError:
            return True
        return False


def _read(frame: bytes) -> Packet:
    kind = struct.unpack("!H", frame[12:14])[0]
    assert frame[6:12] == GUEST_MAC
    if kind != IPV4:
        return Packet(kind, 0, frame[14:])
    assert checksum(frame[14:34]) == 0
    length = struct.unpack("!H", frame[16:18])[0]
    return Packet(kind, frame[23], frame[34 : 14 + length])
