"""Bytes and packets: acknowledgements, damage, fragments, and bytes that belong to nobody."""

from __future__ import annotations

import random

import pytest

from tests.core_c.conftest import Start
from tests.support.stub_host import Host, escape, expand, frame, unescape


def test_a_good_packet_is_acknowledged_and_a_damaged_one_asked_for_again(start: Start) -> None:
    line = start()
    line.send(b"$qC#00")
    assert line.read_byte() == b"-"
    line.send(b"$qC#xy")
    assert line.read_byte() == b"-"
    line.send(frame(b"qC"))
    assert line.read_byte() == b"+"
    assert line.read_packet() == b"QC1"


def test_a_nack_brings_the_reply_again(start: Start) -> None:
    line = start()
    assert line.ask(b"qC") == b"QC1"
    for _ in range(3):
        line.send(b"-")
        assert line.read_packet() == b"QC1"
    line.send(b"+")
    assert line.quiet()


def test_a_nack_before_anything_was_sent_is_nothing(start: Start) -> None:
    line = start()
    line.send(b"-")
    assert line.ask(b"qC") == b"QC1"


def test_without_acknowledgements_damage_is_dropped(host: Host) -> None:
    host.send(b"$qC#00")
    assert host.quiet()
    assert host.ask(b"qC") == b"QC1"


def test_one_byte_at_a_time(host: Host) -> None:
    for byte in frame(b"qXfer:features:read:target.xml:0,100"):
        host.send(bytes((byte,)))
    assert host.read_packet().startswith(b"m<?xml")


def test_many_packets_in_one_write(host: Host) -> None:
    host.send(frame(b"qC") * 50)
    assert [host.read_packet() for _ in range(50)] == [b"QC1"] * 50


def test_a_dollar_inside_a_packet_begins_a_new_one(host: Host) -> None:
    host.send(b"$m2000" + frame(b"qC"))
    assert host.read_packet() == b"QC1"
    assert host.quiet()


def test_bytes_outside_of_packets_are_line_noise(host: Host) -> None:
    host.send(b"hello\0\xff%Stop:T05#00\r\n" + frame(b"qC"))
    assert host.read_packet() == b"QC1"


def test_an_empty_packet_gets_an_empty_reply(host: Host) -> None:
    assert host.ask(b"") == b""


@pytest.mark.parametrize("digits", [b"#9", b"#", b"#9$x", b"#+"])
def test_a_sum_that_is_cut_off_does_not_swallow_the_next_packet(host: Host, digits: bytes) -> None:
    host.send(b"$qC" + digits + b"#00" + frame(b"qC"))
    assert host.read_packet() == b"QC1"


def test_all_bytes_survive_binary_writes_and_reads(host: Host, names: dict[str, int]) -> None:
    stack = 0x301000
    data = bytes(range(256))
    assert host.ask(b"X%x,%x:" % (stack, len(data)) + escape(data)) == b"OK"
    reply = host.ask(b"x%x,%x" % (stack, len(data)))
    assert reply[:1] == b"b"
    assert not set(reply) & set(b"#$*")
    assert unescape(reply[1:]) == data
    assert host.ask(b"m%x,%x" % (stack, len(data))) == data.hex().encode()


def test_a_packet_of_the_announced_size_is_taken(start: Start) -> None:
    host = start("--packet", "1100").no_ack()
    size = int(host.ask(b"qSupported").split(b";")[0].removeprefix(b"PacketSize="), 16)
    head = b"X301000,%x:" % (size - 12)
    payload = head + b"a" * (size - len(head))
    assert len(payload) == size
    assert host.ask(payload) == b"OK"
    assert host.ask(payload + b"a") == b"E5a"
    longest = host.ask(b"m300000,4000")
    assert size - 1 <= len(longest) <= size + 16


def test_noise_neither_crashes_nor_wedges_the_stub(start: Start) -> None:
    """Any bytes at all, then a packet: it is answered. The sanitizers watch."""
    source = random.Random(7)
    letters = b"$#+-}*\x03?gGpPmMxXcCsSDHTkRZzqQv0123456789abcdef,;:=."
    for _ in range(30):
        host = start()
        for _ in range(20):
            body = bytes(source.choice(letters) for _ in range(source.randrange(60)))
            host.send(body if source.random() < 0.3 else frame(body.translate(None, b"$#}\x03")))
        host.send(b"\x03" + b"$#00" + frame(b"?"))
        while host.read_some(0.05):
            pass
        host.send(frame(b"qC"))
        while host.read_packet() != b"QC1":
            pass


def raw_reply(host: Host, payload: bytes) -> bytes:
    """A reply as it is on the wire."""
    host.send(frame(payload))
    data = b""
    while not (b"#" in data and len(data) >= data.index(b"#") + 3):
        data += host.read_byte()
    assert int(data[-2:], 16) == sum(data[1:-3]) & 0xFF
    return data[1:-3]


def test_runs_go_out_as_their_length_and_never_as_a_letter_that_means_something(host: Host) -> None:
    shortest = 3
    for length in range(1, 130):
        raw = raw_reply(host, b"m300000,%x" % length)
        letters = [part[0] for part in raw.split(b"*")[1:]]
        assert not {*b"#$*+-"} & set(letters)
        assert all(29 + shortest <= letter <= 126 for letter in letters)
        assert expand(raw) == b"00" * length
    assert len(raw_reply(host, b"m300000,1000")) < 300


def test_binary_data_has_no_runs(host: Host) -> None:
    assert raw_reply(host, b"x300000,40") == b"b" + bytes(64)
    assert raw_reply(host, b"MultiMemRead:ranges:300000,40;") == b"40;" + bytes(64)
