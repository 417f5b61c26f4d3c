"""Framing: what goes out, what comes in, in whatever pieces, and what must be refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.rsp.framing import (
    Damaged,
    Decoder,
    Event,
    FramingError,
    Junk,
    Mark,
    Notification,
    Packet,
    Role,
    checksum,
    escape,
    expand_runs,
    frame,
    unescape,
)


def decode(data: bytes, role: Role = Role.CLIENT) -> list[Event]:
    return Decoder(role).feed(data)


def test_frame_carries_the_checksum() -> None:
    assert frame(b"OK") == b"$OK#9a"
    assert frame(b"") == b"$#00"
    assert frame(b"Stop:T05", start=b"%").startswith(b"%Stop:T05#")
    assert checksum(b"OK") == 0x9A


def test_binary_data_with_all_framing_bytes_survives() -> None:
    """Pitfall 12: `,` `:` `#` `}` in X data."""
    data = b",:#}$*+-\x03"
    assert decode(frame(b"X0,9:" + escape(data)), Role.SERVER) == [Packet(b"X0,9:" + data)]
    assert decode(frame(b"b" + escape(data, reply=True))) == [Packet(b"b" + data)]


def test_runs_are_expanded_in_replies_only() -> None:
    assert decode(frame(b"0* ")) == [Packet(b"0000")]
    assert decode(frame(b"X0,3:0* "), Role.SERVER) == [Packet(b"X0,3:0* ")]


def test_a_run_repeats_what_stands_before_it_even_a_run() -> None:
    assert expand_runs(b"a* b* *!") == b"aaaab" + b"b" * 3 + b"b" * 4


@pytest.mark.parametrize("raw", [b"*!", b"a*\x1c", b"a*\x7f", b"a*\x1f"])
def test_an_impossible_run_damages_the_packet(raw: bytes) -> None:
    with pytest.raises(FramingError):
        expand_runs(raw)
    assert decode(frame(raw)) == [Damaged(frame(raw))]


def test_a_run_bomb_is_refused() -> None:
    with pytest.raises(FramingError):
        expand_runs(b"a" + b"*~" * 1000, limit=1000)


def test_marks_and_notifications_stand_between_packets() -> None:
    assert decode(b"+-%Stop:T05#69$OK#9a") == [
        Mark.ACK,
        Mark.NACK,
        Damaged(b"%Stop:T05#69") if checksum(b"Stop:T05") != 0x69 else Notification(b"Stop:T05"),
        Packet(b"OK"),
    ]


def test_only_a_server_sees_interrupts() -> None:
    assert decode(b"\x03", Role.SERVER) == [Mark.INTERRUPT]
    assert decode(b"\x03") == [Junk(b"\x03")]


def test_a_packet_that_begins_inside_another_wins() -> None:
    assert decode(b"$m10$OK#9a") == [Damaged(b"$m10"), Packet(b"OK")]


def test_wrong_and_malformed_checksums_are_damage() -> None:
    assert decode(b"$OK#9b") == [Damaged(b"$OK#9b")]
    assert decode(b"$OK#zz") == [Damaged(b"$OK#zz")]
    assert decode(b"$OK# 9") == [Damaged(b"$OK# 9")]


def test_a_packet_without_end_does_not_eat_all_memory() -> None:
    decoder = Decoder(Role.CLIENT, limit=100)
    events = decoder.feed(b"$" + b"0" * 150)
    assert events == [Damaged(b"$" + b"0" * 150)]
    assert decoder.feed(b"$OK#9a") == [Packet(b"OK")]


def test_mid_packet_tells_of_a_rest_to_come() -> None:
    decoder = Decoder(Role.CLIENT)
    decoder.feed(b"$O")
    assert decoder.mid_packet
    decoder.feed(b"K#9a")
    assert not decoder.mid_packet


@given(st.binary(max_size=200))
def test_escape_and_unescape_are_inverse(data: bytes) -> None:
    for reply in (False, True):
        escaped = escape(data, reply=reply)
        assert unescape(escaped) == data
        assert not set(b"#$") & set(escaped)
        assert not reply or b"*" not in escaped


@given(st.lists(st.binary(max_size=40), max_size=5), st.data())
def test_fragmentation_changes_nothing(payloads: list[bytes], data: st.DataObject) -> None:
    """Pitfall 25: down to one byte at a time."""
    wire = b"+".join(frame(escape(payload, reply=True)) for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12)))
    whole = decode(wire)
    for pieces in (_cut(wire, cuts), [bytes([byte]) for byte in wire]):
        decoder = Decoder(Role.CLIENT)
        assert [event for piece in pieces for event in decoder.feed(piece)] == whole
    assert [event.payload for event in whole if isinstance(event, Packet)] == payloads


def _cut(wire: bytes, cuts: list[int]) -> list[bytes]:
    return [wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)]


@given(st.binary(max_size=300), st.sampled_from(Role))
def test_no_stream_breaks_the_decoder(wire: bytes, role: Role) -> None:
    decoder = Decoder(role, limit=4096)
    decoder.feed(wire)
    decoder.feed(b"#00#00")  # whatever came before, a packet that starts now is understood
    assert decoder.feed(frame(b"OK"))[-1] == Packet(b"OK")


@given(st.binary(min_size=1, max_size=40), st.integers(0, 400), st.integers(1, 255))
def test_a_corrupted_byte_never_yields_another_packet(payload: bytes, place: int, flip: int) -> None:
    wire = bytearray(frame(escape(payload, reply=True)))
    position = place % (len(wire) - 2)
    wire[position] ^= flip
    packets = [event.payload for event in decode(bytes(wire)) if isinstance(event, Packet)]
    assert all(packet == payload or len(packet) < len(payload) for packet in packets)
