"""Arguments and variables of frames over a planted stack; values in pieces; what fails is text."""

from __future__ import annotations

import struct

import pytest
from unidbg_symbols import Image
from unidbg_symbols.dwarf.expression import Piece
from unidbg_symbols.dwarf.leb import sleb
from unidbg_symbols.requests import Answer, MemoryRequest, Request

from tests.support.fake_target import FakeTarget
from tests.support.images import compile_image, load
from unidbg.errors import SymbolError
from unidbg.program.module import Module
from unidbg.program.pieces import assemble
from unidbg.program.program import Program
from unidbg.program.unwind import backtrace
from unidbg.views.system import Frame, Variable

STACK = 0x50_0000
TEXT = 0x51_0000
WILD = 0xDEAD_0000

SOURCE = r"""
struct pair { int first; char name[8]; struct pair *next; };
extern int elsewhere;
int use(const void *p);
int shown(int number, struct pair *pair, const char *text, unsigned long many[4])
{
    extern int elsewhere;
    static int kept = 7;
    struct pair copy = *pair;
    int long_array[100];
    return use(&copy) + use(long_array) + number + kept + (int)many[0] + text[0];
}
int use(const void *p) { return p != 0; }
static inline int __attribute__((always_inline)) half(int whole) { int of = whole / 2; return of + use(&of); }
int around(int given) { return half(given + 1); }
void _start(void) { shown(1, 0, 0, 0); around(2); for (;;) ; }
"""

MARKS = {"shown": "use(long_array)", "around": "use(&of)"}


class Stand:
    """A thread that stands in `function` behind its prologue, with its variables on a planted stack."""

    def __init__(self, function: str, *, bias: int = 0) -> None:
        image = Image.open(compile_image(SOURCE, "-O0"))
        self.image, self.memory, self.bias = image, load(image, bias), bias
        self.memory.plant(STACK - 0x1000, bytes(0x2000))
        symbol = image.symbol(function)
        # At a call that uses the variables: by then the frame is set up.
        [line] = [n for n, text in enumerate(SOURCE.splitlines(), 1) if MARKS[function] in text]
        place = image.line_at(symbol.address)
        assert place is not None
        self.pc = image.addresses_of(place.file, line)[-1]
        self.frame_pointer = STACK
        self.module = Module(image, bias)

    def plant(self, name: str, data: bytes, frame: int = 0) -> None:
        """Put a variable where its location says: at an offset from the CFA, which is 16 above rbp."""
        [variable] = [v for v in self.image.locals_at(self.pc)[frame] if v.name == name]
        code = variable.expression()
        assert code is not None
        assert code[0] == 0x91
        self.memory.plant(self.frame_pointer + 16 + sleb(code, 1)[0], data)

    def frames(self) -> tuple[Frame, ...]:
        program = Program(FakeTarget(self.memory), [self.module])
        registers = {"rip": self.pc + self.bias, "rsp": STACK - 0x400, "rbp": self.frame_pointer}
        return backtrace(program, registers, variables=True).frames

    def values(self, frame: int = 0) -> dict[str, Variable]:
        return {variable.name: variable for variable in self.frames()[frame].variables}


@pytest.mark.parametrize("bias", [0, 0x10_0000])
def test_arguments_and_locals_have_their_values(bias: int) -> None:
    s = Stand("shown", bias=bias)
    s.plant("number", struct.pack("<i", -5))
    s.plant("text", struct.pack("<Q", TEXT))
    s.memory.plant(TEXT, b"say \x1b[2J".ljust(4096, b"\0"))
    s.plant("pair", struct.pack("<Q", WILD))
    s.plant("copy", struct.pack("<i8sQ", 3, b"three", 0))
    values = s.values()
    assert values["number"] == Variable("number", "int", "-5", True)
    assert values["text"].value == f'{TEXT:#x} "say \x1b[2J"'
    assert values["pair"].value == f"{WILD:#x}"
    assert values["copy"] == Variable("copy", "struct pair", '{first = 3, name = "three", next = 0x0}')
    assert values["kept"].value == "7"
    assert "elsewhere" not in values
    assert values["long_array"].value == "{0, 0, 0, 0, 0, 0, 0, 0, 92 more elements}"


def test_a_text_that_cannot_be_read_says_so() -> None:
    s = Stand("shown")
    s.plant("text", struct.pack("<Q", WILD))
    assert s.values()["text"].value == f"{WILD:#x} <unreadable>"


def test_a_frame_outside_of_memory_is_text_not_an_exception() -> None:
    s = Stand("shown")
    s.frame_pointer = WILD
    values = s.values()
    assert "unreadable" in values["number"].value
    assert "unreadable" in values["copy"].value


def test_a_register_that_nobody_knows_is_said() -> None:
    s = Stand("shown")
    program = Program(FakeTarget(s.memory), [s.module])
    trace = backtrace(program, {"rip": s.pc, "rsp": STACK}, variables=True)
    assert {v.name for v in trace.frames[0].variables} >= {"number", "pair", "copy"}
    assert all(v.value.startswith("<") for v in trace.frames[0].variables if v.name != "kept")


def test_without_being_asked_there_are_none() -> None:
    s = Stand("shown")
    program = Program(FakeTarget(s.memory), [s.module])
    trace = backtrace(program, {"rip": s.pc, "rsp": STACK, "rbp": STACK})
    assert trace.frames[0].variables == ()


def test_each_inlined_frame_has_its_own() -> None:
    s = Stand("around")
    s.plant("given", struct.pack("<i", 41), frame=1)
    s.plant("whole", struct.pack("<i", 42))
    frames = s.frames()
    assert [(f.pc.symbol, f.how, [v.name for v in f.variables]) for f in frames[:2]] == [
        ("half", "inline", ["whole", "of"]),
        ("around", "pc", ["given"]),
    ]
    assert [f.variables[0].value for f in frames[:2]] == ["42", "41"]


class Registers:
    """Registers 0 to 3 hold their number times 0x11; memory holds the low byte of its address."""

    def __call__(self, request: Request) -> Answer:
        assert isinstance(request, MemoryRequest)
        return (
            None
            if request.address >= WILD
            else bytes((request.address + n) & 0xFF for n in range(request.size))
        )

    def register(self, number: int) -> int | None:
        return number * 0x11 if number < 4 else None


@pytest.mark.parametrize(
    ("pieces", "size", "data", "known"),
    [
        ([Piece("register", 2)], 4, "22000000", 0xFFFFFFFF),
        ([Piece("value", (1 << 64) - 2)], 4, "feffffff", 0xFFFFFFFF),
        ([Piece("bytes", data=b"ab")], 4, "61620000", 0xFFFFFFFF),
        ([Piece("missing")], 4, "00000000", 0),
        ([Piece("register", 1, bit_size=32), Piece("memory", 0x10, bit_size=32)], 8, "1100000010111213", ~0),
        ([Piece("missing", bit_size=32), Piece("register", 3, bit_size=32)], 8, "0000000033000000", ~0 << 32),
        (
            [Piece("register", 1, bit_size=4), Piece("value", 0xAB, bit_size=8, bit_offset=4)],
            2,
            "a100",
            0xFFF,
        ),
        ([Piece("value", 7, bit_size=1 << 40)], 2, "0700", 0xFFFF),
    ],
)
def test_pieces(pieces: list[Piece], size: int, data: str, known: int) -> None:
    whole = assemble(pieces, size, Registers(), little_endian=True)
    assert whole.data.hex() == data
    assert whole.known == known & ((1 << 8 * size) - 1)


def test_pieces_that_cannot_be_had_are_named() -> None:
    for piece, words in ((Piece("register", 9), "register"), (Piece("memory", WILD), "0xdead0000")):
        with pytest.raises(SymbolError, match=words):
            assemble([piece], 8, Registers(), little_endian=True)
    with pytest.raises(SymbolError, match="damaged"):
        assemble([Piece("value", 1)], 1 << 40, Registers(), little_endian=True)
