"""The network of the made-up guest: odd names, a stuck ring, packets of every protocol that is decoded."""

from __future__ import annotations

import struct
from dataclasses import replace

from unidbg.structures import packets
from unidbg.views import network
from unidbg.views.base import Address, Location

GUEST, HOST = bytes((10, 0, 2, 15)), bytes((10, 0, 2, 2))
GUEST_MAC, HOST_MAC = bytes.fromhex("525400123456"), bytes.fromhex("52550a000202")
RINGS_NOW_NS = 12_400_000_000


def at(address: int, symbol: str, file: str, line: int) -> Location:
    return Location(Address(address), symbol, 0, f"/src/samples/{file}", line)


HTTP = at(0x100A90, "http_event", "httpd/httpd.c", 194)
UDP_ECHO = at(0x10D220, "udp_echo", "libos/udp.c", 63)

NET_PARTS = (
    (
        network.Interface(
            "net0", True, "52:54:00:12:34:56", "10.0.2.15", "255.255.255.0", "10.0.2.2", 1500,
            network.Traffic(123_456, 7_901_184, 3), network.Traffic(99_001, 98_123_456, 0),
        ),
        network.Interface(
            "odd\x1b[31m", False, "00:00:00:00:00:00", "0.0.0.0", "255.0.255.0", "0.0.0.0", None,
            network.Traffic(0, 0, 0), network.Traffic(0, 0, 0),
        ),
    ),
    (
        network.Protocol("arp", None, 12, 13, 0),
        network.Protocol("icmp", at(0x107D90, "icmp_input", "libos/icmp.c", 9), 4, 4, 0),
        network.Protocol("udp", at(0x10D210, "udp_input", "libos/udp.c", 22), 250, 249, 1),
        network.Protocol("tcp", at(0x10BED0, "tcp_input", "libos/tcp_input.c", 268), 123_190, 98_735, 2),
    ),
    (
        network.Listener("tcp", 80, HTTP, 1_204),
        network.Listener("udp", 7, UDP_ECHO, 249),
    ),
    (
        network.Connection(
            "ESTABLISHED", "10.0.2.15", 80, "10.0.2.2", 58_348, HTTP, 126, 65_536, 2_920, 983_040, 2
        ),
        network.Connection("FIN-WAIT-1", "10.0.2.15", 80, "192.168.178.201", 41_001, HTTP, 80, 86, 1, 0, 0),
        network.Connection("TIME-WAIT", "10.0.2.15", 80, "10.0.2.2", 58_346, None, 126, 86, 0, 0, None),
    ),
)  # fmt: skip


def ethernet(payload: bytes, kind: int = 0x0800, *, out: bool = False) -> bytes:
    """A frame between the guest and its host."""
    ends = HOST_MAC + GUEST_MAC if out else GUEST_MAC + HOST_MAC
    return ends + struct.pack(">H", kind) + payload


def ipv4(number: int, payload: bytes, *, out: bool = False) -> bytes:
    """A packet between the same two, with a good checksum."""
    ends = GUEST + HOST if out else HOST + GUEST
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 7, 0x4000, 64, number, 0) + ends
    return head[:10] + struct.pack(">H", packets.checksum(head)) + head[12:] + payload


def summed(number: int, segment: bytes, place: int) -> bytes:
    """`segment` with its checksum at `place`, over the pseudo-header."""
    pseudo = HOST + GUEST + struct.pack(">HH", number, len(segment))
    return segment[:place] + struct.pack(">H", packets.checksum(pseudo + segment)) + segment[place + 2 :]


def tcp(flags: int, payload: bytes = b"", options: bytes = b"", *, out: bool = False) -> bytes:
    """A frame of the connection to port 80."""
    ports = (80, 58_348) if out else (58_348, 80)
    bits = (5 + len(options) // 4) << 12 | flags
    segment = struct.pack(">HHIIHHHH", *ports, 256_002, 2_369_437, bits, 65_535, 0, 0) + options + payload
    return ethernet(ipv4(6, summed(6, segment, 16), out=out), out=out)


def udp(payload: bytes) -> bytes:
    """A datagram to port 7."""
    return ethernet(ipv4(17, summed(17, struct.pack(">HHHH", 4_001, 7, 8 + len(payload), 0) + payload, 6)))


def ping() -> bytes:
    """An echo request."""
    message = struct.pack(">BBHHH", 8, 0, 0, 17, 3) + bytes(range(56))
    return ethernet(ipv4(1, message[:2] + struct.pack(">H", packets.checksum(message)) + message[4:]))


def arp() -> bytes:
    """The host asks for the guest, padded to the least size of a frame."""
    ends = HOST_MAC + HOST + bytes(6) + GUEST
    return ethernet(struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + ends, 0x0806).ljust(60, b"\0")


MSS = bytes((2, 4, 5, 0xB4))
RECEIVED = (
    tcp(0x18, b"GET /healthz HTTP/1.1\r\nHost: \x1b[2J\r\n\r\n"),
    tcp(0x02, b"", MSS),
    ping(),
    udp(b"marco"),
    arp(),
)
SENT = (tcp(0x18, b"HTTP/1.1 200 OK\r\n\r\nok\n", out=True)[:-1] + b"!", tcp(0x11, out=True)[:40])


def slot(index: int, state: str, frame: bytes, time_ns: int | None) -> network.RingSlot:
    place = Address(0x8C2000 + index * 2048)
    return network.RingSlot(index, state, place, len(frame), time_ns, packets.decode(frame))


def chain(head: int, written: int | None, *buffers: tuple[int, int, bool]) -> network.Chain:
    """`buffers`: address, bytes, whether the device writes."""
    described = tuple(
        network.Descriptor(head + n, Address(address), size, writes, False)
        for n, (address, size, writes) in enumerate(buffers)
    )
    return network.Chain(head, "available" if written is None else "used", written, described)


def rings() -> tuple[network.Ring, ...]:
    """One that receives, and one whose device has stopped."""
    received = [
        slot(26 - n, "done", frame, 12_399_900_000 - n * 70_000_000) for n, frame in enumerate(RECEIVED)
    ]
    sent = [slot(1, "in flight", SENT[0], 7_100_000_000), slot(0, "done", SENT[1], None)]
    free = tuple(chain(n, None, (0x8C2000 + n * 2048, 2048, True)) for n in (*range(28, 256), *range(27)))
    back = chain(27, 138, (0x8C2000 + 27 * 2048, 2048, True))
    stuck = chain(2, None, (0x10F040, 12, False), (0x942800, 77, False))
    table = network.Descriptor(6, Address(0x950000), 64, False, True)
    return (
        network.Ring(
            "net0 rx", "rx", 256, 27, 27, 0, "", tuple(received),
            network.Virtqueue(
                256, Address(0x93B000), Address(0x93A000), Address(0x939000), 283, 28, 27, 255, 1, 0,
                True, 27, 0, False, False, 1, 27, 1_200_000, (back, *free),
            ),
        ),
        network.Ring(
            "out\x1b]0;x", "tx", 128, 4_294_967_297, 4_294_967_296, 1,
            "the device has given back none of 2, for 5.3 s", tuple(sent),
            network.Virtqueue(
                8, Address(0x937000), Address(0x936000), Address(0x935000), 4, 2, 2, 2, 0, None,
                False, None, None, True, False, None, None, 5_300_000_000,
                (stuck, network.Chain(6, "available", None, (table,))),
            ),
        ),
    )  # fmt: skip


def quiet_rings() -> tuple[network.Ring, ...]:
    """The same, nobody having asked for packets."""
    return tuple(
        replace(ring, slots=tuple(replace(slot, packet=None) for slot in ring.slots)) for ring in rings()
    )
