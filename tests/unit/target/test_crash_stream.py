"""The receiving end of a dead guest's core: a beginning of a core, or a named error."""

from __future__ import annotations

import struct
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unidbg.errors import DumpError, UnidbgError
from unidbg.target.dump import crashframes, elf
from unidbg.target.dump.crashfile import PartialFile
from unidbg.target.dump.crashframes import (
    FLAG,
    MAX_CORE,
    MAX_DATA,
    MAX_FRAME,
    MINIMAL,
    Announcement,
    Frames,
    Part,
    encode,
    parse,
    unpack,
)
from unidbg.target.dump.crashstream import RETRY, Receiver
from unidbg.target.dump.encoding import encode_json, encode_note
from unidbg.target.dump.opening import open_dump
from unidbg.target.dump.own import NT_GUEST

IDENTITY = 0x1234
PAYLOADS = st.binary(min_size=1, max_size=60)


class Memory:
    """A store in memory."""

    def __init__(self) -> None:
        self.have = 0
        self.data = b""
        self.began: list[tuple[int, int, int]] = []

    def begin(self, identity: int, form: int, size: int) -> None:
        self.began.append((identity, form, size))

    def add(self, data: bytes | None, length: int) -> None:
        assert length > 0
        assert data is None or len(data) == length
        self.have += length
        if data is not None and len(self.data) < 1 << 20:
            self.data += data


def announcement(size: int = 4096, *, identity: int = IDENTITY, full: int = 0, version: int = 1) -> bytes:
    return b"A" + struct.pack("<BBQQQ", version, 1, identity, size, full) + b"it died"


def literal(at: int, data: bytes) -> bytes:
    """A frame's contents without runs."""
    packed = b"".join(
        bytes((len(piece) - 1,)) + piece for piece in (data[n : n + 128] for n in range(0, len(data), 128))
    )
    return b"D" + struct.pack("<QH", at, len(data)) + packed


def zeros(at: int, length: int) -> bytes:
    return b"Z" + struct.pack("<QQ", at, length)


# -- frames --------------------------------------------------------------------------------------------------


@given(st.lists(PAYLOADS, max_size=6), st.lists(st.integers(1, 40), max_size=20))
def test_frames_come_out_as_they_went_in(payloads: list[bytes], cuts: list[int]) -> None:
    line = b"noise$+" + b"".join(map(encode, payloads)) + b"x"
    assert not set(b"$+-%\x03\x11\x13") & set(b"".join(map(encode, payloads)))
    frames, found, at = Frames(), list[bytes](), 0
    for cut in [*cuts, len(line)]:
        found += frames.feed(line[at : at + cut])
        at += cut
    assert found == payloads


@given(PAYLOADS, st.data())
def test_a_changed_frame_is_none(payload: bytes, data: st.DataObject) -> None:
    line = bytearray(encode(payload))
    place = data.draw(st.integers(1, len(line) - 2))
    line[place] ^= 1 << data.draw(st.integers(0, 7))
    assert payload not in Frames().feed(bytes(line))


@given(st.binary(max_size=400))
def test_noise_has_no_frames(noise: bytes) -> None:
    frames = Frames()
    for payload in frames.feed(noise + bytes((FLAG,))):
        assert encode(payload)[1:-1] in noise  # only what is one
        parse(payload)


def test_a_line_without_flags_fills_no_memory() -> None:
    frames = Frames()
    for _ in range(100):
        assert frames.feed(bytes(MAX_FRAME)) == []
    assert len(frames._rest) <= MAX_FRAME


@given(st.binary(max_size=200))
def test_any_contents_are_parsed_or_passed_over(payload: bytes) -> None:
    what = parse(payload)
    if isinstance(what, Part):
        assert 0 < what.length <= MAX_CORE
        assert what.data is None or len(what.data) == what.length <= MAX_DATA
        assert what.at + what.length <= MAX_CORE


@given(st.binary(max_size=300), st.integers(0, MAX_DATA))
def test_runs_give_the_bytes_that_were_said_or_none(packed: bytes, length: int) -> None:
    found = unpack(packed, length)
    assert found is None or len(found) == length


def test_a_core_cannot_be_larger_than_a_guest() -> None:
    assert parse(zeros(0, MAX_CORE + 1)) is None
    assert parse(zeros((1 << 64) - 1, 2)) is None
    assert parse(zeros(5, 0)) is None
    assert parse(b"D" + struct.pack("<QH", 0, 0xFFFF) + b"\xff\0" * 600) is None


# -- the receiver --------------------------------------------------------------------------------------------


def test_an_honest_guest() -> None:
    store = Memory()
    receiver = Receiver(store, MINIMAL, 0.0)
    assert Frames().feed(receiver.start()) == [b"H"]
    said = receiver.feed(encode(announcement(1000)), 0.1)
    assert Frames().feed(said) == [b"G" + struct.pack("<QBQB", IDENTITY, 0, 0, 16)]
    said = receiver.feed(encode(literal(0, b"abc")) + encode(zeros(3, 990)), 0.2)
    assert Frames().feed(said) == [b"K" + struct.pack("<Q", 993)]
    said = receiver.feed(encode(literal(993, b"x" * 7)), 0.3)
    assert Frames().feed(said) == [b"K" + struct.pack("<Q", 1000), b"B\x01"]
    assert receiver.whole
    assert (store.have, store.data) == (1000, b"abc" + b"x" * 7)


def test_what_is_lost_is_asked_for_once() -> None:
    receiver = Receiver(Memory(), MINIMAL, 0.0)
    receiver.feed(encode(announcement()), 0.1)
    receiver.feed(encode(literal(0, b"abc")), 0.2)
    again = [b"G" + struct.pack("<QBQB", IDENTITY, 0, 3, 16)]
    assert Frames().feed(receiver.feed(encode(literal(9, b"xyz")), 0.3)) == again
    assert receiver.feed(encode(literal(12, b"xyz")), 0.4) == b""
    assert Frames().feed(receiver.feed(b"", 0.5 + RETRY)) == again


def test_parts_that_overlap_are_taken_once() -> None:
    store = Memory()
    receiver = Receiver(store, MINIMAL, 0.0)
    receiver.feed(encode(announcement(66)), 0.1)
    for part in (literal(0, b"abcd"), literal(1, b"???"), literal(2, b"??ef"), zeros(0, 1 << 30)):
        receiver.feed(encode(part), 0.2)
    assert (store.have, store.data) == (66, b"abcdef")


@pytest.mark.parametrize("size", [0, 63, MAX_CORE + 1, (1 << 64) - 1])
def test_petabytes_are_refused(size: int) -> None:
    with pytest.raises(DumpError, match="which cannot be"):
        Receiver(Memory(), MINIMAL, 0.0).feed(encode(announcement(size)), 0.1)


def test_a_newer_guest_is_refused() -> None:
    with pytest.raises(DumpError, match="version 2"):
        Receiver(Memory(), MINIMAL, 0.0).feed(encode(announcement(version=2)), 0.1)


def test_without_a_full_form_the_minimal_one_is_taken() -> None:
    store = Memory()
    Receiver(store, crashframes.FULL, 0.0).feed(encode(announcement(100, full=0)), 0.1)
    assert store.began == [(IDENTITY, MINIMAL, 100)]


SAYINGS = st.one_of(
    st.builds(announcement, st.sampled_from([64, 1000, 5000]), identity=st.integers(1, 2)),
    st.builds(literal, st.integers(0, 2000), st.binary(min_size=1, max_size=300)),
    st.builds(zeros, st.integers(0, 2000), st.integers(1, 1 << 41)),
    PAYLOADS,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(SAYINGS, st.floats(0, 2)), max_size=30), st.binary(max_size=20))
def test_whatever_a_guest_says(sayings: list[tuple[bytes, float]], noise: bytes) -> None:
    store, now = Memory(), 0.0
    receiver = Receiver(store, MINIMAL, now)
    with suppress(DumpError):
        for saying, later in sayings:
            now += later
            said = receiver.feed(noise + encode(saying), now)
            assert len(said) < 200 * len(sayings)
            assert store.have <= receiver.size


# -- the file ------------------------------------------------------------------------------------------------


def core_bytes(identity: int = IDENTITY, memory: bytes = b"m" * 100) -> bytes:
    """A core as a stub makes it."""
    notes = encode_json(NT_GUEST, {"schema": 1, "dump": f"{identity:x}", "form": "minimal", "threads": []})
    start = 64 + 3 * 56 + len(notes) + 15 & ~15
    end = start + len(memory)
    head = elf.ELF_MAGIC + b"\2\1\1\3".ljust(12, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", elf.ET_CORE, 62, 1, 0, 64, 0, 0, 64, 56, 3, 0, 0, 0)
    for kind, offset, address, size in (
        (4, 232, 0, len(notes)),
        (4, end, 0, 52),
        (1, start, 0x1000, len(memory)),
    ):
        head += struct.pack("<IIQQQQQQ", kind, 4, offset, address, 0, size, size, 4)
    return (head + notes).ljust(start, b"\0") + memory + bytes(52)


def feed(path: Path, data: bytes, identity: int = IDENTITY) -> PartialFile:
    store = PartialFile(str(path))
    store.begin(identity, MINIMAL, len(data))
    if store.have < len(data):
        store.add(data[store.have :], len(data) - store.have)
    return store


def test_a_file_goes_on_where_it_was(tmp_path: Path) -> None:
    data, path = core_bytes(), tmp_path / "x.core"
    (tmp_path / "x.core.partial").write_bytes(data[:350])
    with closing(feed(path, data)) as store:
        assert store.resumed == 350
        store.finish({})
    target = open_dump(str(tmp_path / "x.core.partial"))
    assert target.memory.read(0x1000, 100) == b"m" * 100
    assert not target.notes


def test_a_file_of_another_death_is_set_aside(tmp_path: Path) -> None:
    other = core_bytes(identity=0x99)[:-60]
    (tmp_path / "x.core.partial").write_bytes(other)
    with closing(feed(tmp_path / "x.core", core_bytes())) as store:
        assert store.resumed == 0
    assert (tmp_path / "x.core.partial-0000000000000099").read_bytes() == other


@pytest.mark.parametrize("beginning", [b"", b"\x7fEL", b"hello", core_bytes()[:250]])
def test_a_file_that_says_nothing_is_begun_anew(beginning: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.core.partial").write_bytes(beginning)
    with closing(feed(tmp_path / "x.core", core_bytes())) as store:
        assert store.resumed == 0
        store.finish({"images": [{"path": "/a"}]})
    assert open_dump(str(tmp_path / "x.core.partial")).exec_file() == "/a"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_core_of_a_hostile_guest(data: st.DataObject, tmp_path: Path) -> None:
    """Any byte of it may be anything: there is a digest or an error, and it opens or says why not."""
    raw = bytearray(core_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "x.core"
    (tmp_path / "x.core.partial").unlink(missing_ok=True)
    with closing(feed(path, bytes(raw))) as store, suppress(UnidbgError):
        store.finish({})
        open_dump(store.path).close()


def test_headers_that_claim_petabytes(tmp_path: Path) -> None:
    raw = bytearray(core_bytes())
    struct.pack_into("<Q", raw, 64 + 2 * 56 + 8, 1 << 60)
    with closing(feed(tmp_path / "x.core", bytes(raw))) as store, pytest.raises(DumpError, match="no core"):
        store.finish({})


def test_notes_of_frames_are_as_long_as_they_must_be() -> None:
    from unidbg.target.dump.frames import thread_frames

    body = b"x86_64/1".ljust(16, b"\0") + struct.pack("<QQ", 7, 3) + bytes(range(36)) * 8
    notes = list(elf.parse_notes(encode_note(b"unidbg", 0x106, body)))
    [(thread, values)] = thread_frames(notes).items()
    assert thread == "7"
    assert values["cr3"] is None
    assert values["rax"] is not None
    for cut in (0, 31, len(body) - 1):
        assert thread_frames(list(elf.parse_notes(encode_note(b"unidbg", 0x106, body[:cut])))) == {}
    assert thread_frames(list(elf.parse_notes(encode_note(b"unidbg", 0x106, b"y" + body[1:])))) == {}


def test_announcements_are_bounded() -> None:
    assert parse(b"A" + bytes(20)) is None
    what = parse(announcement())
    assert isinstance(what, Announcement)
    assert what.text == "it died"
