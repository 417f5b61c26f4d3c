"""Probe records in bytes, healthy, longer than known, and damaged."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from tests.support.kernel import kernel
from unidbg.profiles.records import RECORD, parse, read_records, records_range
from unidbg.structures.faults import Faults


def record(kind: bytes, name: bytes, size: int = 64, address: int = 0x1000) -> bytes:
    return struct.pack("<II16s24sQQ", size, 0, kind, name, 88, address).ljust(size, b"\xee")


def test_longer_records_are_stepped_over() -> None:
    faults = Faults()
    data = record(b"heap", b"a") + record(b"loop", b"b", 96) + record(b"log", b"c")
    found = list(parse(data, 0x5000, faults))
    assert [(r.kind, r.name, r.address) for r in found] == [
        ("heap", "a", 0x5000),
        ("loop", "b", 0x5040),
        ("log", "c", 0x50A0),
    ]
    assert faults.all() == ()


def test_a_size_that_cannot_be_ends_the_records() -> None:
    for size in (0, 8, 65, 1 << 31):
        faults = Faults()
        data = record(b"heap", b"a") + struct.pack("<I", size) + bytes(200)
        assert len(list(parse(data, 0, faults))) == 1
        assert faults.all()[0].address == 64


def test_the_same_records_by_note_symbols_and_section() -> None:
    guest = kernel()
    section = guest.image.section("unidbg_probes")
    assert section is not None
    assert records_range(guest.image) == (section.addr, section.addr + section.size)
    kinds = {r.kind for r in read_records(guest.program, guest.program.modules[0], Faults())}
    assert kinds == {"memory", "heap", "loop", "boot", "devices", "app", "log", "future"}


@given(st.binary(max_size=400))
def test_any_bytes_are_bounded(data: bytes) -> None:
    assert len(list(parse(data, 0, Faults()))) <= len(data) // RECORD.size
