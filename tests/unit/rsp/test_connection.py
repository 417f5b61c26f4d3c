"""Acknowledgements, retransmission and pipelining."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.errors import RemoteProtocolError
from unidbg.rsp.connection import MAX_RETRANSMITS, Connection
from unidbg.rsp.framing import Damaged, Mark, Packet, Role, frame


def client() -> Connection:
    return Connection(Role.CLIENT)


def test_a_request_is_acknowledged_and_its_reply_too() -> None:
    connection = client()
    connection.send(b"qC")
    assert connection.data_to_send() == b"$qC#b4"
    assert connection.unacknowledged == 1
    assert connection.receive_data(b"+$QC1#c5") == [Packet(b"QC1")]
    assert connection.data_to_send() == b"+"
    assert connection.unacknowledged == 0


def test_a_refused_packet_is_sent_again_but_not_for_ever() -> None:
    connection = client()
    connection.send(b"qC")
    connection.data_to_send()
    for _ in range(MAX_RETRANSMITS):
        connection.receive_data(b"-")
        assert connection.data_to_send() == b"$qC#b4"
    with pytest.raises(RemoteProtocolError):
        connection.receive_data(b"-")


def test_a_refusal_of_nothing_is_ignored() -> None:
    connection = client()
    assert connection.receive_data(b"-") == []
    assert connection.data_to_send() == b""


def test_a_damaged_reply_is_refused() -> None:
    connection = client()
    connection.send(b"qC")
    connection.data_to_send()
    assert connection.receive_data(b"+$QC1#00") == [Damaged(b"$QC1#00")]
    assert connection.data_to_send() == b"-"


def test_a_reply_stands_for_the_acknowledgement_that_got_lost() -> None:
    connection = client()
    connection.send(b"qC")
    connection.data_to_send()
    connection.receive_data(b"$QC1#c5")
    assert connection.unacknowledged == 0
    assert not connection.retransmit()


def test_pipelined_requests_acknowledge_the_reply_before() -> None:
    connection = client()
    connection.send(b"m0,1")
    connection.send(b"m1,1", early_ack=True)
    assert connection.data_to_send() == frame(b"m0,1") + b"+" + frame(b"m1,1")
    connection.receive_data(b"+$00#60")
    assert connection.data_to_send() == b""
    connection.receive_data(b"+$01#61")
    assert connection.data_to_send() == b"+"


def test_a_refusal_amid_pipelined_requests_is_an_error() -> None:
    connection = client()
    connection.send(b"m0,1")
    connection.send(b"m1,1", early_ack=True)
    with pytest.raises(RemoteProtocolError):
        connection.receive_data(b"-")


def test_without_acknowledgements_nothing_is_acknowledged() -> None:
    connection = client()
    connection.stop_acks()
    connection.send(b"qC")
    assert connection.unacknowledged == 0
    connection.receive_data(b"$QC1#c5")
    connection.receive_data(b"$QC1#00")
    assert connection.data_to_send() == b"$qC#b4"


def test_a_notification_is_never_acknowledged() -> None:
    """Pitfall 24: clients ignore notifications in all-stop."""
    server, connection = Connection(Role.SERVER), client()
    server.notify(b"Stop:T05")
    assert len(connection.receive_data(server.data_to_send())) == 1
    assert connection.data_to_send() == b""


def test_interrupts_go_between_packets() -> None:
    connection = client()
    connection.interrupt()
    assert connection.data_to_send() == b"\x03"
    assert Connection(Role.SERVER).receive_data(b"\x03") == [Mark.INTERRUPT]


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_corrupting_line_delivers_all_packets_once_it_behaves(
    payloads: list[bytes], random: object
) -> None:
    """Each packet is damaged on its first way; the refusals bring it through in order."""
    sender, receiver = client(), Connection(Role.SERVER)
    for payload in payloads:
        body = payload.replace(b"$", b"").replace(b"#", b"").replace(b"}", b"").replace(b"%", b"")
        sender.send(body)
        wire = bytearray(sender.data_to_send())
        wire[-1] = ord("0") if wire[-1] != ord("0") else ord("1")
        assert isinstance(receiver.receive_data(bytes(wire))[0], Damaged)
        sender.receive_data(receiver.data_to_send())
        assert receiver.receive_data(sender.data_to_send()) == [Packet(body)]
        sender.receive_data(receiver.data_to_send())
        assert sender.unacknowledged == 0
