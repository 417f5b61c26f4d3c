"""Backtraces over planted stacks: by CFI, by frame pointers, by guess, through an exception, and corrupt
ones.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unidbg_symbols import Image

from tests.support.fake_target import FakeMemory, FakeTarget
from tests.support.images import compile_image, load
from unidbg.errors import MemoryFault
from unidbg.program.module import Module
from unidbg.program.program import Program
from unidbg.program.unwind import MAX_FRAMES, Trace, backtrace

STACK = 0x50_0000
STACK_BYTES = 0x4000

SOURCE = r"""
/* Each function's frame is written out, so that the tests can plant it. */
extern const unsigned long places[6];
__asm__(".text\n"
    ".globl outer\n.type outer,@function\n"
    "outer: .cfi_startproc\n.cfi_undefined rip\n call middle\n1: hlt\n.cfi_endproc\n.size outer, .-outer\n"
    ".globl middle\n.type middle,@function\n"
    "middle: .cfi_startproc\n sub $24,%rsp\n.cfi_adjust_cfa_offset 24\n call inner\n"
    "2: add $24,%rsp\n.cfi_adjust_cfa_offset -24\n ret\n.cfi_endproc\n.size middle, .-middle\n"
    ".globl inner\n.type inner,@function\n"
    "inner: .cfi_startproc\n push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset rbx,0\n"
    "3: nop\n pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore rbx\n ret\n.cfi_endproc\n"
    ".size inner, .-inner\n"
    /* The processor pushed ss, rsp, rflags, cs, rip: CFA is behind them. */
    ".globl trap\n.type trap,@function\n"
    "trap: .cfi_startproc\n.cfi_signal_frame\n.cfi_def_cfa rsp, 40\n.cfi_offset rip,-40\n"
    ".cfi_offset rsp,-16\n4: nop\n iretq\n.cfi_endproc\n.size trap, .-trap\n"
    /* No CFI from here on. */
    ".globl plain\n.type plain,@function\n"
    "plain: push %rbp\n mov %rsp,%rbp\n call leaf\n5: pop %rbp\n ret\n.size plain, .-plain\n"
    ".globl leaf\n.type leaf,@function\n"
    "leaf: push %rbp\n mov %rsp,%rbp\n6: nop\n pop %rbp\n ret\n.size leaf, .-leaf\n"
    ".section .rodata\n.globl places\nplaces: .quad 1b,2b,3b,4b,5b,6b\n.text\n");
static int twice(int x) { return places[x & 3] * 2; }
int caller(int x) { return twice(x) + 1; }
void _start(void) { for (;;) ; }
"""


@dataclass
class Stand:
    """A program whose thread is about to be unwound; `place` has addresses inside the functions."""

    program: Program
    memory: FakeMemory
    place: dict[str, int]

    def trace(self, pc: int, words: list[int], *, sp: int = STACK, **registers: int) -> Trace:
        """Unwind with `words` at the stack pointer."""
        self.memory.plant(sp, struct.pack(f"<{len(words)}Q", *words))
        return backtrace(self.program, {"rip": pc, "rsp": sp, "rbp": 0, "rbx": 0, **registers})


def stand() -> Stand:
    image = Image.open(compile_image(SOURCE))
    memory = load(image)
    memory.plant(STACK, bytes(STACK_BYTES))
    words = struct.unpack("<6Q", image.read(image.symbol("places").address, 48))
    names = ("outer", "middle", "inner", "trap", "plain", "leaf")
    return Stand(Program(FakeTarget(memory), [Module(image)]), memory, dict(zip(names, words, strict=True)))


def names(trace: Trace) -> list[tuple[str | None, str]]:
    return [(frame.pc.symbol, frame.how) for frame in trace.frames]


def test_by_cfi_to_the_bottom() -> None:
    s = stand()
    trace = s.trace(s.place["inner"], [0xB, s.place["middle"], 0, 0, 0, s.place["outer"]])
    assert names(trace) == [("inner", "pc"), ("middle", "cfi"), ("outer", "cfi")]
    assert [frame.sp for frame in trace.frames] == [STACK, STACK + 16, STACK + 48]
    assert [frame.index for frame in trace.frames] == [0, 1, 2]
    assert trace.faults == ()


def test_a_return_address_behind_the_last_instruction_belongs_to_its_call() -> None:
    s = stand()
    trace = s.trace(s.place["inner"], [0xB, s.place["middle"], 0, 0, 0, s.place["outer"]])
    assert trace.frames[2].pc.address == s.place["outer"]
    assert trace.frames[2].pc.offset == 5


def test_through_an_exception_onto_the_interrupted_stack() -> None:
    s = stand()
    other = STACK + 0x1000
    s.memory.plant(other, struct.pack("<6Q", 0xB, s.place["middle"], 0, 0, 0, s.place["outer"]))
    inner = s.program.modules[0].image.symbol("inner").address
    trace = s.trace(s.place["trap"], [inner + 1, 8, 0x202, other, 16], sp=STACK + 0x3000)
    assert names(trace) == [("trap", "pc"), ("inner", "cfi"), ("middle", "cfi"), ("outer", "cfi")]
    assert trace.frames[1].sp == other
    assert trace.faults == ()


def test_by_frame_pointers_where_there_is_no_cfi() -> None:
    s = stand()
    words = [STACK + 32, s.place["plain"], 7, 7, 0, s.place["outer"]]
    trace = s.trace(s.place["leaf"], words, rbp=STACK)
    assert names(trace) == [("leaf", "pc"), ("plain", "frame-pointer"), ("outer", "frame-pointer")]


@pytest.mark.parametrize("wild", [0, STACK + 0x800, 0x4141414141414141])
def test_who_called_what_is_no_code(wild: int) -> None:
    s = stand()
    trace = s.trace(wild, [s.place["middle"], 0, 0, 0, s.place["outer"]])
    assert names(trace) == [(None, "pc"), ("middle", "return-address"), ("outer", "cfi")]
    assert trace.frames[1].sp == STACK + 8


def test_through_an_exception_of_a_wild_jump() -> None:
    s = stand()
    other = STACK + 0x1000
    s.memory.plant(other, struct.pack("<5Q", s.place["middle"], 0, 0, 0, s.place["outer"]))
    trace = s.trace(s.place["trap"], [0, 8, 0x202, other, 16], sp=STACK + 0x3000)
    assert names(trace) == [("trap", "pc"), (None, "cfi"), ("middle", "return-address"), ("outer", "cfi")]
    assert trace.faults == ()


def test_a_guess_is_labelled_as_one() -> None:
    s = stand()
    trace = s.trace(s.place["leaf"], [1, 2, s.place["leaf"], 4, s.place["middle"], 0, 0, 0, s.place["outer"]])
    assert names(trace) == [("leaf", "pc"), ("middle", "guess"), ("outer", "cfi")]


def test_inlined_functions_have_frames() -> None:
    s = stand()
    symbol = s.program.modules[0].image.symbol("caller")
    pcs = range(symbol.address, symbol.address + symbol.size)
    inlined = [t for t in (s.trace(pc, [0]) for pc in pcs) if t.frames[0].how == "inline"]
    assert inlined
    assert [frame.pc.symbol for frame in inlined[0].frames[:2]] == ["twice", "caller"]
    assert inlined[0].frames[1].how == "pc"
    assert inlined[0].frames[0].pc.line is not None


@pytest.mark.parametrize(
    ("words", "words_of_fault"),
    [
        ([0xB, 0x1234, 0], "0x1234 is not in the code"),
        ([0xB, STACK + 8, 0], "is not in the code"),
    ],
)
def test_garbage_ends_the_trace_with_a_fault(words: list[int], words_of_fault: str) -> None:
    s = stand()
    trace = s.trace(s.place["inner"], words)
    assert names(trace) == [("inner", "pc")]
    assert words_of_fault in trace.faults[0]


def test_a_null_return_address_is_the_bottom() -> None:
    s = stand()
    trace = s.trace(s.place["inner"], [0xB, 0])
    assert names(trace) == [("inner", "pc")]
    assert trace.faults == ()


def test_an_unreadable_stack_is_a_fault() -> None:
    s = stand()
    trace = backtrace(s.program, {"rip": s.place["inner"], "rsp": 0xDEAD_0000})
    assert len(trace.frames) == 1
    assert "unreadable" in trace.faults[0]


def test_endless_recursion_is_bounded() -> None:
    s = stand()
    frame = [0, 0, 0, s.place["middle"]]
    trace = s.trace(s.place["inner"], [0xB, s.place["middle"], *frame * 400])
    assert len(trace.frames) == MAX_FRAMES
    assert "the rest is left out" in trace.faults[0]


def test_no_registers_no_frames() -> None:
    trace = backtrace(stand().program, {"rip": None})
    assert trace.frames == ()
    assert trace.faults != ()


def test_a_jump_into_nowhere_shows_the_place() -> None:
    s = stand()
    trace = s.trace(0, [s.place["middle"], 0, 0, 0, s.place["outer"]])
    assert trace.frames[0].pc.address == 0
    assert trace.frames[1].pc.symbol == "middle"


SOMEWHERE = stand()


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(SOMEWHERE.place.values())),
    st.lists(
        st.one_of(
            st.sampled_from(sorted(SOMEWHERE.place.values())),
            st.integers(STACK, STACK + 0x200),
            st.integers(0, 2**64 - 1),
        ),
        max_size=60,
    ),
    st.integers(STACK - 8, STACK + 0x100),
)
def test_any_stack_ends(pc: int, words: list[int], fp: int) -> None:
    trace = SOMEWHERE.trace(pc, words, rbp=fp)
    assert 1 <= len(trace.frames) <= MAX_FRAMES
    with pytest.raises(MemoryFault):
        SOMEWHERE.program.read(0, 1)
