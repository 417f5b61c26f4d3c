"""Errors, features, threads, stop replies, documents and memory replies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.errors import RemoteProtocolError
from unidbg.rsp import memory, qxfer
from unidbg.rsp.replies import as_text, error_text, is_error, parse_features
from unidbg.rsp.stop import StopReply, is_stop_reply, parse_stop_reply
from unidbg.rsp.threads import (
    parse_current_thread,
    parse_thread_list,
    parse_threads_xml,
    plain_thread_id,
    same_thread,
    valid_thread_id,
)
from unidbg.rsp.unidbgstub import lease_request, parse_stub_stop


def test_errors_are_told_from_data() -> None:
    assert is_error(b"E0e")
    assert is_error(b"E.no such thread")
    assert not is_error(b"E0e0")
    assert not is_error(b"")
    assert error_text(b"E14") == "bad address (error 14)"
    assert error_text(b"E.no such\x1b thread") == "no such\x1b thread"
    assert as_text(b"\x1b[31m\xff\n") == "\x1b[31m\udcff "


def test_features() -> None:
    features = parse_features(b"PacketSize=1000;qXfer:features:read+;QNonStop-;unidbg-abi=1;;nonsense")
    assert features.packet_size == 0x1000
    assert "qXfer:features:read" in features
    assert "QNonStop" not in features
    assert features.values["unidbg-abi"] == "1"


@pytest.mark.parametrize("reply", [b"", b"PacketSize=", b"PacketSize=zz", b"PacketSize=1", b"PacketSize=-5"])
def test_a_packet_size_that_makes_no_sense_is_none(reply: bytes) -> None:
    assert parse_features(reply).packet_size is None


@pytest.mark.parametrize("text", ["1", "1f", "p1.1f", "p1", "-1", "p-1.-1"])
def test_thread_ids(text: str) -> None:
    assert valid_thread_id(text)


@pytest.mark.parametrize("text", ["", "x", "p", "1.1", "p1.", "1;"])
def test_what_is_no_thread_id(text: str) -> None:
    assert not valid_thread_id(text)


def test_thread_ids_are_compared_by_value() -> None:
    assert same_thread("01", "1")
    assert same_thread("p1.01", "1")
    assert not same_thread("1", "2")
    assert plain_thread_id("01") == "1"
    assert plain_thread_id("p01.02") == "p01.02"


def test_thread_lists() -> None:
    """Pitfall 11: trailing comma, empty list."""
    assert parse_thread_list(b"m1,2,") == (["1", "2"], False)
    assert parse_thread_list(b"l") == ([], True)
    assert parse_thread_list(b"m") == ([], True)
    assert parse_current_thread(b"QC01") == "01"
    assert parse_current_thread(b"") is None
    with pytest.raises(RemoteProtocolError):
        parse_thread_list(b"mhello")


def test_thread_documents() -> None:
    document = b'<threads><thread id="1" core="2" name="main">running</thread><thread id="bad id"/></threads>'
    (thread,) = parse_threads_xml(document)
    assert (thread.id, thread.core, thread.name, thread.detail) == ("1", 2, "main", "running")
    with pytest.raises(RemoteProtocolError):
        parse_threads_xml(b"<threads>")


def test_stop_replies() -> None:
    """Pitfall 10: keys that are all hexadecimal digits are registers, `core` is not."""
    stop = parse_stop_reply(b"T05thread:p1.01;core:1;06:00112233;a:xxxx;swbreak:;")
    assert (stop.signal, stop.thread, stop.core, stop.reason) == (5, "p1.01", 1, "swbreak")
    assert stop.registers == {6: bytes.fromhex("00112233")}
    assert parse_stop_reply(b"T05watch:1f00;").address == 0x1F00
    assert parse_stop_reply(b"S05") == StopReply("signal", 5)
    assert parse_stop_reply(b"W2a") == StopReply("exited", 42)
    assert parse_stop_reply(b"X09;process:1").kind == "terminated"
    assert parse_stop_reply(b"N").kind == "no-resumed"


@pytest.mark.parametrize("payload", [b"", b"OK", b"Tx5", b"S0", b"S055", b"StaticTracepoints+", b"E01"])
def test_what_is_no_stop_reply(payload: bytes) -> None:
    assert not is_stop_reply(payload)
    with pytest.raises(RemoteProtocolError):
        parse_stop_reply(payload)


@given(st.binary(max_size=60))
def test_stop_replies_are_parsed_or_refused(body: bytes) -> None:
    try:
        stop = parse_stop_reply(b"T05" + body)
    except RemoteProtocolError:
        return
    assert stop.signal == 5


def test_memory_replies() -> None:
    assert memory.parse_read(b"0102", 2) == b"\1\2"
    assert memory.parse_read(b"01", 2) == b"\1"
    assert memory.parse_read(b"E14", 2) is None
    assert memory.parse_read(b"", 2) is None, "Unikraft says so of unmapped memory"
    for bad in (b"010203", b"0", b"zz"):
        with pytest.raises(RemoteProtocolError):
            memory.parse_read(bad, 2)


def test_binary_memory_in_both_styles() -> None:
    """Pitfall 2: GDB's replies begin with `b`, LLDB's older ones do not and can look like anything."""
    gdb, lldb = memory.BinaryStyle.GDB, memory.BinaryStyle.LLDB
    assert memory.binary_style(b"OK") is lldb
    assert memory.binary_style(b"b") is gdb
    assert memory.binary_style(b"") is memory.BinaryStyle.NONE
    assert memory.parse_read_binary(b"bE01", 3, gdb) == b"E01"
    assert memory.parse_read_binary(b"E01", 3, gdb) is None
    assert memory.parse_read_binary(b"E01", 3, lldb) == b"E01"
    assert memory.parse_read_binary(b"E01", 4, lldb) is None
    assert memory.parse_read_binary(b"ab", 4, lldb) == b"ab"
    with pytest.raises(RemoteProtocolError):
        memory.parse_read_binary(b"xab", 2, gdb)


def test_many_ranges_in_one_packet() -> None:
    ranges = [(0x10, 2), (0x20, 4)]
    assert memory.read_many_request(ranges) == b"MultiMemRead:ranges:10,2,20,4;"
    assert memory.parse_read_many(b"2,1;abc", ranges) == [b"ab", b"c"]
    assert memory.parse_read_many(b"0,4;a;,c", ranges) == [b"", b"a;,c"]
    assert memory.parse_read_many(b"E01", ranges) is None
    for bad in (b"2;ab", b"2,4;abc", b"3,1;abcd", b"2,1", b"x,1;a"):
        with pytest.raises(RemoteProtocolError):
            memory.parse_read_many(bad, ranges)


@given(st.binary(max_size=50), st.integers(1, 8))
def test_memory_parsers_give_at_most_what_was_asked(reply: bytes, length: int) -> None:
    for style in memory.BinaryStyle:
        try:
            if style is memory.BinaryStyle.NONE:
                data = memory.parse_read(reply, length)
            else:
                data = memory.parse_read_binary(reply, length, style)
        except RemoteProtocolError:
            continue
        assert data is None or len(data) <= length


def test_writes() -> None:
    assert memory.write_request(0x10, b"\1\2") == b"M10,2:0102"
    assert memory.write_binary_request(0x10, b"#a") == b"X10,2:}\x03a"


def test_documents_come_in_pieces() -> None:
    document = qxfer.Document("features", "target.xml", 4)
    assert document.next_request() == b"qXfer:features:read:target.xml:0,4"
    document.feed(b"mabcd")
    assert document.next_requests(2) == [
        b"qXfer:features:read:target.xml:4,4",
        b"qXfer:features:read:target.xml:8,4",
    ]
    document.feed(b"lef")
    document.feed(b"E00")
    assert document.done
    assert document.data == b"abcdef"


def test_a_short_piece_drops_those_that_were_asked_ahead() -> None:
    document = qxfer.Document("features", "", 4)
    document.next_requests(2)
    document.feed(b"mab")
    document.feed(b"mefgh")
    assert document.next_request().endswith(b":2,4")


def test_a_document_may_be_missing_and_must_end() -> None:
    missing = qxfer.Document("features", "", 4)
    missing.next_request()
    missing.feed(b"")
    assert missing.done
    assert missing.data is None
    endless = qxfer.Document("features", "", 1 << 20)
    endless.next_request()
    endless.feed(b"m" + b"x" * (1 << 20))
    with pytest.raises(RemoteProtocolError):
        endless.feed(b"mx")
    with pytest.raises(RemoteProtocolError):
        qxfer.Document("features", "", 4).feed(b"zoo")


def test_the_words_of_our_own_stub() -> None:
    stop = parse_stub_stop(b"kind:exception;signal:0b;fatal:1;stops:1f;text:62616421;later:1;")
    assert stop is not None
    assert (stop.kind, stop.signal, stop.fatal, stop.stops, stop.text) == ("exception", 11, True, 31, "bad!")
    assert parse_stub_stop(b"") is None
    assert parse_stub_stop(b"E01") is None
    assert parse_stub_stop(b"kind:panic;text:6") is not None
    assert lease_request(3000) == b"QUnidbgLease:bb8"
