"""Agent bytecode: conditions and dprintf that run in the guest. Code is assembled here, its value printed."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.core_c.conftest import Start
from tests.support.stub_host import Host, frame

MASK = (1 << 64) - 1
POOL = 1024
STACK = 32
WORDS = [
    0,
    1,
    2,
    7,
    63,
    64,
    100,
    1 << 31,
    (1 << 31) - 1,
    1 << 63,
    (1 << 63) - 1,
    MASK,
    MASK - 1,
    0x8000,
    0xFF,
]


def signed(value: int, bits: int = 64) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def truncated(left: int, right: int) -> int:
    """C's quotient."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


BINARY: dict[int, Callable[[int, int], int]] = {
    0x02: lambda a, b: a + b,
    0x03: lambda a, b: a - b,
    0x04: lambda a, b: a * b,
    0x05: lambda a, b: truncated(signed(a), signed(b)),
    0x06: lambda a, b: a // b,
    0x07: lambda a, b: signed(a) - signed(b) * truncated(signed(a), signed(b)),
    0x08: lambda a, b: a % b,
    0x09: lambda a, b: a << b if b < 64 else 0,
    0x0A: lambda a, b: signed(a) >> min(b, 63),
    0x0B: lambda a, b: a >> b if b < 64 else 0,
    0x0F: lambda a, b: a & b,
    0x10: lambda a, b: a | b,
    0x11: lambda a, b: a ^ b,
    0x13: lambda a, b: int(a == b),
    0x14: lambda a, b: int(signed(a) < signed(b)),
    0x15: lambda a, b: int(a < b),
}
DIVISIONS = {0x05, 0x06, 0x07, 0x08}


def const(value: int) -> bytes:
    return b"\x25" + (value & MASK).to_bytes(8, "big")


def printf(text: bytes, *arguments: bytes) -> bytes:
    """As GDB compiles it: arguments last first, channel, function, then the instruction."""
    text += b"\0"
    pushes = b"".join(reversed(arguments)) + const(0) + const(0)
    return pushes + b"\x34" + bytes((len(arguments),)) + len(text).to_bytes(2, "big") + text + b"\x27"


def code(program: bytes) -> bytes:
    return b"X%x,%b" % (len(program), program.hex().encode())


class Guest:
    """A host at a place where breakpoints with code can be tried: each try is one wake of the guest."""

    def __init__(self, host: Host, names: dict[str, int]) -> None:
        self.host = host
        self.names = names
        self.place = names["count"]
        assert host.ask(b"Z0,%x,1" % names["quiet"]) == b"OK"

    def try_command(self, program: bytes) -> str:
        """What a command prints."""
        assert self.host.ask(b"Z0,%x,1;cmds:0,%b" % (self.place, code(program))) == b"OK"
        self.host.send(frame(b"c"))
        text = b""
        while (packet := self.host.read_packet())[:1] == b"O":
            text += bytes.fromhex(packet[1:].decode())
        assert b"swbreak" in packet
        return text.decode("latin-1")

    def value(self, program: bytes) -> int:
        """The value that code leaves on the stack."""
        return int(self.try_command(printf(b"%lx", program)), 16)

    def stops(self, *conditions: bytes) -> bool:
        """Does a breakpoint with these conditions stop the guest?"""
        lists = b"".join(code(condition + b"\x27") for condition in conditions)
        assert self.host.ask(b"Z0,%x,1;%b" % (self.place, lists)) == b"OK"
        packet = self.host.ask(b"c")
        here = b"10:" + self.place.to_bytes(8, "little").hex().encode() in packet
        if here:
            assert b"swbreak" in self.host.ask(b"c"), "the other breakpoint is next"
        return here


@pytest.fixture
def guest(host: Host, names: dict[str, int]) -> Guest:
    return Guest(host, names)


def test_arithmetic_is_that_of_64_bit_words(guest: Guest) -> None:
    source = random.Random(3)
    pairs = [(0x05, 1 << 63, MASK), (0x07, 1 << 63, MASK)]  # the quotient that does not fit
    for opcode in BINARY:
        pairs += [(opcode, source.choice(WORDS), source.choice(WORDS)) for _ in range(8)]
    for opcode, left, right in pairs:
        if right == 0 and opcode in DIVISIONS:
            continue
        expected = BINARY[opcode](left, right) & MASK
        assert guest.value(const(left) + const(right) + bytes((opcode,))) == expected, (opcode, left, right)


@pytest.mark.parametrize("bits", [1, 8, 16, 32, 63, 64])
def test_extensions(guest: Guest, bits: int) -> None:
    for value in (0x80, 0x7F, MASK, 1 << 31, 0x12345678):
        assert guest.value(const(value) + b"\x16" + bytes((bits,))) == signed(value, bits) & MASK
        assert guest.value(const(value) + b"\x2a" + bytes((bits,))) == value & ((1 << bits) - 1)


def test_constants_references_and_registers(guest: Guest) -> None:
    assert guest.value(b"\x22\xfe") == 0xFE
    assert guest.value(b"\x23\xfe\xdc") == 0xFEDC
    assert guest.value(b"\x24\xfe\xdc\xba\x98") == 0xFEDCBA98
    text = const(guest.names["text"])
    assert guest.value(text + b"\x17") == 0x68
    assert guest.value(text + b"\x18") == 0x6568
    assert guest.value(text + b"\x19") == 0x6C6C6568
    assert guest.value(b"\x26\x00\x10") == guest.place, "rip"
    assert guest.value(b"\x26\x00\x3c") == 0x80010013, "cr0: captured"


def test_the_stack(guest: Guest) -> None:
    one, two, three = b"\x22\x01", b"\x22\x02", b"\x22\x03"
    assert guest.value(one + two + b"\x28") == 2
    assert guest.value(one + two + b"\x29") == 1
    assert guest.value(one + two + b"\x2b") == 1
    assert guest.value(one + two + three + b"\x32\x02") == 1
    assert guest.value(one + two + three + b"\x33") == 2, "the third comes to the second place"
    assert guest.value(one + b"\x0e") == 0
    assert guest.value(one + b"\x12") == MASK - 1


def test_jumps(guest: Guest) -> None:
    """if (1) 5 else 6, and a loop that counts down from 100."""
    assert guest.stops(b"\x22\x01\x20\x00\x08\x22\x00\x27\x22\x05")
    loop = b"\x22\x64" + b"\x22\x01\x03" + b"\x28" + b"\x20\x00\x02"
    assert not guest.stops(loop)


def test_conditions(guest: Guest) -> None:
    assert not guest.stops(b"\x22\x00")
    assert guest.stops(b"\x22\x01")
    assert not guest.stops(b"\x22\x00", b"\x22\x00")
    assert guest.stops(b"\x22\x00", b"\x22\x01"), "any of them"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"\x02", "an empty stack"),
        (b"\x22\x01\x02", "one word too few"),
        (b"\x22", "no operand"),
        (b"\x01", "an opcode that does not exist"),
        (b"\x31", "another"),
        (b"\xff", "another"),
        (b"\x22\x01\x22\x00\x06", "a division by zero"),
        (const(0x1000) + b"\x1a", "memory that is not there"),
        (const(0xFEE00000) + b"\x19", "a device"),
        (b"\x26\x00\x42", "a register that does not exist"),
        (b"\x26\x00\x28", "a register that does not fit a word"),
        (b"\x21\x00\x00", "a loop without end"),
        (b"\x21\xff\xff", "a jump out of the code"),
        (b"\x22\x01" * (STACK + 1), "more than the stack holds"),
        (b"\x22\x01\x32\x05", "a word that is not there"),
        (b"\x34\x00\x00\x00", "a format without an end"),
        (b"\x34\x00\x00\x09abc", "a format beyond the code"),
        (b"\x34\xff\x00\x02a\x00", "arguments that are not there"),
    ],
)
def test_a_condition_that_cannot_be_evaluated_stops(guest: Guest, bad: bytes, why: str) -> None:
    assert guest.stops(bad), why


def test_code_without_an_end_is_refused_when_it_runs(guest: Guest) -> None:
    lists = code(b"\x22\x00")
    assert guest.host.ask(b"Z0,%x,1;%b" % (guest.place, lists)) == b"OK"
    assert b"swbreak" in guest.host.ask(b"c")


FORMATS: list[tuple[bytes, list[int], str]] = [
    (b"%d %i", [-5, 7], "-5 7"),
    (b"%u", [-1], "4294967295"),
    (b"%lu", [-1], str(MASK)),
    (b"%ld %lld %zd %jd", [-1, -2, -3, -4], "-1 -2 -3 -4"),
    (b"%hhd %hd %hhu", [0x1FF, 0x18000, 0x1FF], "-1 -32768 255"),
    (b"%x %X %#x %o %p", [255, 255, 255, 8, 4096], "ff FF 0xff 10 0x1000"),
    (b"[%5d][%-5d][%05d][%+d][% d]", [42, 42, -42, 42, 42], "[   42][42   ][-0042][+42][ 42]"),
    (b"[%8lx][%#010x]", [0xAB, 0xAB], "[      ab][0x000000ab]"),
    (b"%c%c", [65, 66], "AB"),
    (b"100%% %q %", [1], "100% %q %"),
    (rb"a\tb\\c\"d\n\101\x", [], 'a\tb\\c"d\nAx'),
    (b"%d", [0], "0"),
    (b"%ld", [-(1 << 63)], str(-(1 << 63))),
]


@pytest.mark.parametrize(("text", "arguments", "expected"), FORMATS)
def test_formats(guest: Guest, text: bytes, arguments: list[int], expected: str) -> None:
    assert guest.try_command(printf(text, *map(const, arguments))) == expected


def test_strings_of_the_guest(guest: Guest) -> None:
    text = const(guest.names["text"])
    assert guest.try_command(printf(b"[%s][%8s][%-8s][%.2s]", text, text, text, text)) == (
        "[hello][   hello][hello   ][he]"
    )
    assert guest.try_command(printf(b"[%s]", const(0x1000))) == "[]"
    assert guest.try_command(printf(b"[%s]", const(0x303FF0))) != ""


def test_too_few_arguments_are_zeros(guest: Guest) -> None:
    assert guest.try_command(printf(b"%d %d", const(1))) == "1 0"


def test_commands_run_only_if_the_condition_holds(guest: Guest) -> None:
    for condition, expected in ((b"\x22\x00\x27", ""), (b"\x22\x01\x27", "hit")):
        lists = code(condition) + b";cmds:0," + code(printf(b"hit"))
        assert guest.host.ask(b"Z0,%x,1;%b" % (guest.place, lists)) == b"OK"
        guest.host.send(frame(b"c"))
        packet = guest.host.read_packet()
        said = ""
        if packet[:1] == b"O":
            said = bytes.fromhex(packet[1:].decode()).decode()
            packet = guest.host.read_packet()
        assert said == expected
        assert b"swbreak" in packet


def test_what_is_too_long_or_malformed_is_refused_and_leaves_no_breakpoint(guest: Guest) -> None:
    place = guest.place
    for bad in (
        b"X400," + b"27" * POOL,
        b"X5,22",
        b"Xzz,27",
        b"X1,zz",
        b"Y",
        b"X1,27;cmds:",
        b"cmds:1,X1",
        b"X1,27" * 400,
    ):
        assert guest.host.ask(b"Z0,%x,1;%b" % (place, bad)) == b"E1c", bad
        assert guest.host.ask(b"z0,%x,1" % place) == b"OK"
    assert not guest.stops(b"\x22\x00")


def test_the_pool_has_no_gaps(start: Start, names: dict[str, int]) -> None:
    """Code of one breakpoint stays whole while that of others comes and goes."""
    host = start().no_ack()
    guest = Guest(host, names)
    source = random.Random(11)
    places = {0x300000 + n: 0 for n in range(12)}
    for _ in range(200):
        place = source.choice(list(places))
        if source.random() < 0.4:
            host.ask(b"z0,%x,1" % place)
        else:
            padding = b"\x22\x01\x29" * source.randrange(12)
            host.ask(b"Z0,%x,1;%b" % (place, code(padding + b"\x22\x00\x27")))
    assert not guest.stops(b"\x22\x00")
    assert guest.stops(const(guest.names["text"]) + b"\x17" + b"\x22\x68\x13")
    assert guest.value(b"\x22\x2a") == 42
