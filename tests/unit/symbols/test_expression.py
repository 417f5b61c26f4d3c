"""DWARF expressions: each operation, what it asks for, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unidbg_symbols.dwarf.expression import Piece, UnknownValue, evaluate
from unidbg_symbols.errors import ImageError
from unidbg_symbols.requests import (
    Answer,
    CfaRequest,
    EntryValueRequest,
    FrameBaseRequest,
    MemoryRequest,
    RegisterRequest,
    Request,
    TlsRequest,
    drive,
)

from tests.unit.symbols.builds import image

ALL = (1 << 64) - 1


def answer(request: Request) -> Answer:
    """A frame of made-up numbers."""
    if isinstance(request, MemoryRequest):
        return bytes((request.address + n) & 0xFF for n in range(request.size))
    if isinstance(request, RegisterRequest):
        return 0x1000 * (request.number + 1)
    if isinstance(request, CfaRequest):
        return 0x7000
    if isinstance(request, FrameBaseRequest):
        return 0x6000
    if isinstance(request, TlsRequest):
        return 0x5000 + request.offset
    if isinstance(request, EntryValueRequest):
        return len(request.expression)
    return None


def run(code: str, bias: int = 0, initial: tuple[int, ...] = (), size: int = 8) -> tuple[Piece, ...]:
    """Evaluate bytes given in hexadecimal."""
    return drive(evaluate(bytes.fromhex(code), address_size=size, bias=bias, initial=initial), answer)


def number(code: str, bias: int = 0, size: int = 8) -> int:
    """The address that an expression computes."""
    (piece,) = run(code, bias=bias, size=size)
    assert piece.kind == "memory"
    return piece.value


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("32", 2),
        ("03 8877665544332211", 0x1122334455667788),
        ("08 ff", 0xFF),
        ("09 ff", ALL),
        ("0a 0102", 0x201),
        ("0b feff", ALL - 1),
        ("0c 01020304", 0x04030201),
        ("0d ffffffff", ALL),
        ("0e 0102030405060708", 0x0807060504030201),
        ("10 8101", 129),
        ("11 7f", ALL),
        ("33 32 1c", 1),
        ("32 33 1c", ALL),
        ("3c 33 1a", 0),
        ("3c 33 21", 15),
        ("35 33 27", 6),
        ("39 1f 34 1b", ALL - 1),
        ("39 34 1d", 1),
        ("33 34 1e", 12),
        ("33 34 22", 7),
        ("33 23 05", 8),
        ("33 1f", ALL - 2),
        ("09 fd 19", 3),
        ("33 20", ALL - 3),
        ("31 08 3f 24", 1 << 63),
        ("31 08 40 24", 0),
        ("09 ff 34 25", ALL >> 4),
        ("09 fe 31 26", ALL),
        ("31 32 2d", 1),
        ("31 32 2b", 0),
        ("09 ff 31 2d", 1),
        ("32 32 29", 1),
        ("32 32 2e", 0),
        ("32 31 2a", 1),
        ("32 31 2c", 0),
        ("31 32 12 22", 4),
        ("31 32 14", 1),
        ("31 32 33 15 02", 1),
        ("31 32 13", 1),
        ("31 32 16 1c", 1),
        ("31 32 33 17 13", 1),
        ("2f 0100 31 32", 2),
        ("32 31 28 0100 33", 2),
        ("32 30 28 0100 33", 3),
        ("31 06", 0x0807060504030201),
        ("31 94 02", 0x0201),
        ("73 08", 0x4008),
        ("92 05 78", 0x5FF8),
        ("91 7c", 0x5FFC),
        ("9c", 0x7000),
        ("32 9b", 0x5002),
        ("32 e0", 0x5002),
        ("a3 02 5050", 2),
        ("96 31", 1),
        ("a5 02 00", 0x3000),
        ("31 a8 00", 1),
    ],
)
def test_operations(code: str, value: int) -> None:
    assert number(code) == value


def test_locations_that_are_not_in_memory() -> None:
    assert run("53") == (Piece("register", 3),)
    assert run("90 21") == (Piece("register", 33),)
    assert run("32 9f") == (Piece("value", 2),)
    assert run("9e 03 010203") == (Piece("bytes", data=b"\1\2\3"),)
    assert run("") == (Piece("missing"),)


def test_pieces() -> None:
    assert run("50 93 04 93 02 32 93 08 31 9f 9d 03 01") == (
        Piece("register", 0, bit_size=32),
        Piece("missing", bit_size=16),
        Piece("memory", 2, bit_size=64),
        Piece("value", 1, bit_size=3, bit_offset=1),
    )


def test_addresses_of_the_image_move_with_it() -> None:
    assert number("03 0010000000000000", bias=0x100) == 0x1100
    assert number("0e 0010000000000000", bias=0x100) == 0x1000


def test_the_stack_starts_with_what_is_given() -> None:
    assert drive(evaluate(b"\x23\x10", address_size=8, initial=(0x20,)), answer)[0].value == 0x30


def test_numbers_are_as_wide_as_an_address() -> None:
    assert number("09 ff", size=4) == (1 << 32) - 1
    assert number("03 00100000", size=4) == 0x1000


def test_what_the_frame_does_not_know_is_said() -> None:
    for code, what in (("91 00", "the frame base"), ("70 00", "register 0"), ("9c", "the frame address")):
        with pytest.raises(UnknownValue, match=what):
            drive(evaluate(bytes.fromhex(code), address_size=8), lambda request: None)
    with pytest.raises(UnknownValue, match="memory at 0x1"):
        drive(evaluate(bytes.fromhex("31 06"), address_size=8), lambda request: None)


@pytest.mark.parametrize(
    "code", ["1b", "31 30 1b", "31 30 1d", "ff", "2f 0100", "03 00", "98 0000", "9e 05 00"]
)
def test_nonsense_is_a_named_error(code: str) -> None:
    with pytest.raises((ImageError, UnknownValue)):
        run(code)


def test_no_loop_and_no_growth_without_end() -> None:
    with pytest.raises(UnknownValue, match="does not end"):
        run("96 2f fcff")
    with pytest.raises(UnknownValue, match="too deep a stack"):
        run("31 2f fcff")


def test_types_and_calls_of_a_unit() -> None:
    opened = image("gcc", "-gdwarf-5", "-O2")
    unit = opened._dwarf.units()[0]
    offset = next(
        die.offset - unit.offset
        for die in unit.root.children()
        if die.tag == 0x24 and die.name == "short int"
    )
    code = bytes((0x0A, 0xFF, 0xFF, 0xA8)) + _uleb(offset)
    assert drive(evaluate(code, address_size=8, unit=unit), answer)[0].value == ALL
    code = bytes((0xA4, *_uleb(offset), 2, 0x34, 0x12))
    assert drive(evaluate(code, address_size=8, unit=unit), answer)[0].value == 0x1234


def _uleb(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40), st.sampled_from([4, 8]))
def test_any_bytes_end_in_a_result_or_a_named_error(code: bytes, size: int) -> None:
    try:
        pieces = drive(evaluate(code, address_size=size, initial=(1, 2, 3)), answer)
    except (ImageError, UnknownValue):
        return
    assert all(piece.kind in ("memory", "register", "value", "bytes", "missing") for piece in pieces)
