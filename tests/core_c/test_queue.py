"""A line with room to tell: replies wait in a queue and leave while the guest runs."""

from __future__ import annotations

from tests.core_c.conftest import Start
from tests.support.stub_host import frame

READ = 0x700


def test_a_resume_behind_a_read_does_not_wait_for_the_reply(start: Start, names: dict[str, int]) -> None:
    host = start("--queue").no_ack()
    host.send(frame(b"m%x,%x" % (names["text"], READ)) + frame(b"c"))
    data = host.read_packet()
    assert len(data) == 2 * READ
    assert data.startswith(b"hello".hex().encode())
    host.send(b"\x03")
    assert host.read_packet().startswith(b"T02")


def test_more_replies_than_the_queue_holds_come_whole_and_in_order(
    start: Start, names: dict[str, int]
) -> None:
    host = start("--queue", "--packet", "1040").no_ack()
    asked = [b"m%x,%x" % (names["text"] + i, 400 + i) for i in range(8)]
    host.send(b"".join(frame(packet) for packet in asked) + frame(b"c"))
    assert [len(host.read_packet()) for _ in asked] == [2 * (400 + i) for i in range(8)]
    host.send(b"\x03")
    assert host.read_packet().startswith(b"T02")


def test_a_reply_is_kept_for_a_client_that_missed_it(start: Start) -> None:
    host = start("--queue")
    assert host.ask(b"qC") == b"QC1"
    host.send(b"-")
    assert host.read_packet() == b"QC1"


def test_a_look_answers_each_part_and_lets_the_guest_go(start: Start, names: dict[str, int]) -> None:
    host = start("--queue").no_ack()
    look = frame(b"vUnidbgLook|qC|m%x,5|nonsense" % names["text"]) + frame(b"qUnidbgStood")
    host.send(look)
    assert [host.read_packet() for _ in range(3)] == [b"QC1", b"hello".hex().encode(), b""]
    assert host.read_packet().startswith(b"ns:")
    host.send(b"\x03")
    assert host.read_packet().startswith(b"T02"), "it ran"


def test_a_look_leaves_a_guest_that_stopped_by_itself(start: Start, names: dict[str, int]) -> None:
    host = start("--queue").no_ack()
    assert host.ask(b"Z0,%x,1" % names["count"]) == b"OK"
    assert b"swbreak" in host.ask(b"c")
    assert host.ask(b"vUnidbgLook|qC") == b"QC1"
    assert b"kind:breakpoint" in host.ask(b"qUnidbgStop")
    assert host.ask(b"p10") == names["count"].to_bytes(8, "little").hex().encode()
