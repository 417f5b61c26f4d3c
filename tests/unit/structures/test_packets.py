"""Frames made for the purpose, and frames that are broken in every way."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.golden import traffic
from unidbg.structures import packets
from unidbg.structures.packets import decode

GET = b"GET / HTTP/1.1\r\n\r\n"
FRAMES = (*traffic.RECEIVED, *traffic.SENT)


def layers(frame: bytes) -> dict[str, dict[str, str]]:
    return {layer.name: {f.name: f.value for f in layer.fields} for layer in decode(frame).layers}


def test_tcp_down_to_its_payload() -> None:
    found = layers(traffic.tcp(0x18, GET))
    assert list(found) == ["ethernet", "ipv4", "tcp", "payload"]
    assert found["ethernet"] == {
        "source": "52:55:0a:00:02:02", "destination": "52:54:00:12:34:56", "type": "ipv4",
    }  # fmt: skip
    assert (found["ipv4"]["source"], found["ipv4"]["destination"]) == ("10.0.2.2", "10.0.2.15")
    assert found["ipv4"]["checksum"] == found["tcp"]["checksum"] == "good"
    assert found["tcp"]["flags"] == "PSH ACK"
    assert found["tcp"]["payload_bytes"] == found["payload"]["length_bytes"] == str(len(GET))
    assert found["payload"]["text"] == GET.decode()


def test_options_of_a_connection() -> None:
    options = bytes((2, 4, 5, 0xB4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7, 254, 4, 1, 2))
    said = layers(traffic.tcp(2, b"", options))["tcp"]["options"]
    assert said == "mss 1460, sack permitted, timestamps 1 2, window scale 7, option 254 0102"


@pytest.mark.parametrize(
    "options", [bytes((2, 4, 5, 0)), bytes((1, 1, 1, 2)), bytes((2, 200, 0, 0)), bytes((9, 0, 0, 0))]
)
def test_odd_options_end_the_list(options: bytes) -> None:
    assert layers(traffic.tcp(2, b"", options))["tcp"]["payload_bytes"] == "0"


@pytest.mark.parametrize(
    ("frame", "summary"),
    [
        (traffic.tcp(2, b"hi"), "10.0.2.2:58348 > 10.0.2.15:80 tcp SYN seq 256002 win 65535 len 2"),
        (traffic.tcp(4, out=True), "10.0.2.15:80 > 10.0.2.2:58348 tcp RST seq 256002 win 65535"),
        (traffic.udp(b"marco"), "10.0.2.2:4001 > 10.0.2.15:7 udp len 5"),
        (traffic.ping(), "10.0.2.2 > 10.0.2.15 icmp echo request id 17 seq 3 len 56"),
        (traffic.arp(), "arp who has 10.0.2.15? tell 10.0.2.2"),
        (traffic.ethernet(traffic.ipv4(132, b"x")), "10.0.2.2 > 10.0.2.15 protocol 132"),
        (traffic.ethernet(b"", 0x86DD), "52:55:0a:00:02:02 > 52:54:00:12:34:56 type ipv6"),
        (b"", "ethernet cut short: 0 of 14 bytes"),
    ],
)  # fmt: skip
def test_one_line_for_people(frame: bytes, summary: str) -> None:
    assert decode(frame).summary == summary


def test_padding_of_a_short_frame_is_no_payload() -> None:
    frame = traffic.tcp(0x10).ljust(60, b"\0")
    assert "payload" not in layers(frame)
    assert layers(frame)["tcp"]["payload_bytes"] == "0"
    assert decode(frame).frame_hex == frame.hex()


def test_a_tagged_frame() -> None:
    plain = traffic.udp(b"x")
    tagged = plain[:12] + struct.pack(">HH", 0x8100, 0x2007) + plain[12:]
    assert layers(tagged)["ethernet"]["vlan"] == "7"
    assert layers(tagged)["udp"] == layers(plain)["udp"]


def test_a_bad_checksum_is_told_beside_the_packet() -> None:
    frame = bytearray(traffic.udp(b"marco"))
    frame[-1] ^= 1
    assert layers(bytes(frame))["udp"]["checksum"] == "bad"
    assert decode(bytes(frame)).summary.endswith("(udp checksum is bad)")
    frame[40:42] = b"\0\0"
    assert layers(bytes(frame))["udp"]["checksum"] == "none"


def test_a_later_fragment_has_no_ports() -> None:
    packet = bytearray(traffic.ipv4(17, b"datagram's second half"))
    packet[6:8] = struct.pack(">H", 185)
    found = layers(traffic.ethernet(bytes(packet)))
    assert list(found) == ["ethernet", "ipv4", "payload"]
    assert found["ipv4"]["fragment"] == "at 1480"


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: decode(frame).summary)
def test_every_cut_is_survived_and_told(frame: bytes) -> None:
    whole = len(decode(frame).layers)
    for length in range(len(frame)):
        packet = decode(frame[:length])
        assert packet.summary
        assert len(packet.layers) <= whole + 1


@settings(max_examples=200)
@given(st.sampled_from(FRAMES), st.lists(st.tuples(st.integers(0, 70), st.integers(0, 255)), max_size=6))
def test_any_damage_is_survived(frame: bytes, damage: list[tuple[int, int]]) -> None:
    broken = bytearray(frame)
    for place, value in damage:
        broken[place % len(broken)] = value
    packet = decode(bytes(broken))
    assert packet.frame_hex == broken.hex()
    assert 1 <= len(packet.layers) <= 5


@given(st.binary(max_size=200))
@example(b"\x81\x00" * 40)
def test_any_bytes_are_survived(frame: bytes) -> None:
    assert decode(frame).layers


@given(st.binary(max_size=101))
def test_what_holds_its_checksum_sums_to_nothing(data: bytes) -> None:
    padded = data + b"\0" * (len(data) % 2)
    assert packets.checksum(padded + struct.pack(">H", packets.checksum(padded))) == 0
