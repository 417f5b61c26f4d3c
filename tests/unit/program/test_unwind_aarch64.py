"""Backtraces of aarch64 over made-up memory: by CFI, through an exception, and by what else there is."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from unidbg_symbols import Image

from tests.support.fake_target import FakeMemory, FakeTarget
from tests.support.images import folder, load
from unidbg.program.module import Module
from unidbg.program.program import Program
from unidbg.program.unwind import Trace, backtrace

STACK = 0x50_0000
COMPILER = "aarch64-linux-gnu-gcc"
PLACES = ("outer", "middle", "leaf", "trap", "plain", "plain_leaf", "signed")

pytestmark = pytest.mark.skipif(shutil.which(COMPILER) is None, reason="no cross compiler")

SOURCE = """
    .text
    .globl _start, outer, middle, leaf, trap, plain, plain_leaf, signed, places
    .type outer, %function
_start:
outer:
    .cfi_startproc
    .cfi_undefined x30
    nop
    bl middle
1:  b .
    .cfi_endproc
    .size outer, . - outer
    .type middle, %function
middle:
    .cfi_startproc
    stp x29, x30, [sp, #-32]!
    .cfi_def_cfa_offset 32
    .cfi_offset 29, -32
    .cfi_offset 30, -24
    mov x29, sp
    bl leaf
2:  ldp x29, x30, [sp], #32
    ret
    .cfi_endproc
    .size middle, . - middle
    .type leaf, %function
leaf:
    .cfi_startproc
3:  nop
    ret
    .cfi_endproc
    .size leaf, . - leaf
    .type trap, %function
/* x29, x30, sp and ELR of what was interrupted lie at sp. */
trap:
    .cfi_startproc
    .cfi_signal_frame
    .cfi_return_column 33
    .cfi_def_cfa sp, 32
    .cfi_offset 29, -32
    .cfi_offset 30, -24
    .cfi_offset 31, -16
    .cfi_offset 33, -8
4:  nop
    eret
    .cfi_endproc
    .size trap, . - trap
    .type signed, %function
signed:
    .cfi_startproc
    paciasp
    .cfi_negate_ra_state
    stp x29, x30, [sp, #-16]!
    .cfi_def_cfa_offset 16
    .cfi_offset 29, -16
    .cfi_offset 30, -8
7:  nop
    .cfi_endproc
    .size signed, . - signed
/* No CFI from here on. */
    .type plain, %function
plain:
    stp x29, x30, [sp, #-16]!
    mov x29, sp
    bl plain_leaf
5:  ldp x29, x30, [sp], #16
    ret
    .size plain, . - plain
    .type plain_leaf, %function
plain_leaf:
6:  nop
    ret
    .size plain_leaf, . - plain_leaf
    .section .rodata
places: .quad 1b, 2b, 3b, 4b, 5b, 6b, 7b
"""


@lru_cache(maxsize=1)
def built() -> Path:
    source, path = folder() / "unwind.S", folder() / "unwind-aarch64.elf"
    source.write_text(SOURCE)
    command = [
        COMPILER,
        "-g",
        "-march=armv8.3-a",
        "-static",
        "-nostdlib",
        "-no-pie",
        "-o",
        str(path),
        str(source),
    ]
    subprocess.run(command, check=True)
    return path


@dataclass
class Stand:
    program: Program
    memory: FakeMemory
    place: dict[str, int]

    def trace(self, pc: int, words: list[int], **registers: int) -> Trace:
        self.memory.plant(STACK, struct.pack(f"<{len(words)}Q", *words))
        return backtrace(self.program, {"pc": pc, "sp": STACK, "x29": 0, "x30": 0, **registers})


@pytest.fixture
def s() -> Stand:
    image = Image.open(built())
    memory = load(image)
    memory.plant(STACK - 0x1000, bytes(0x4000))
    words = struct.unpack("<7Q", image.read(image.symbol("places").address, 56))
    target = FakeTarget(memory)
    target.architecture = "aarch64"
    return Stand(Program(target, [Module(image)]), memory, dict(zip(PLACES, words, strict=True)))


def names(trace: Trace) -> list[tuple[str | None, str]]:
    return [(frame.pc.symbol, frame.how) for frame in trace.frames]


def test_by_cfi_a_leaf_lies_level_with_its_caller(s: Stand) -> None:
    trace = s.trace(s.place["leaf"], [0xF, s.place["outer"], 0, 0], x30=s.place["middle"], x29=STACK)
    assert names(trace) == [("leaf", "pc"), ("middle", "cfi"), ("outer", "cfi")]
    assert [frame.sp for frame in trace.frames] == [STACK, STACK, STACK + 32]
    assert trace.faults == ()


def test_through_an_exception_onto_the_interrupted_stack(s: Stand) -> None:
    other = STACK + 0x800
    s.memory.plant(other, struct.pack("<4Q", 0xF, s.place["outer"], 0, 0))
    trace = s.trace(s.place["trap"], [other, s.place["middle"], other, s.place["leaf"]])
    assert names(trace) == [("trap", "pc"), ("leaf", "cfi"), ("middle", "cfi"), ("outer", "cfi")]
    assert trace.frames[1].sp == other
    assert trace.frames[1].pc.address == s.place["leaf"]
    assert trace.faults == ()


def test_a_signed_return_address_is_cleaned(s: Stand) -> None:
    signed = s.place["outer"] | 0x002A_0000_0000_0000
    trace = s.trace(s.place["signed"], [0, signed], x29=STACK)
    assert names(trace) == [("signed", "pc"), ("outer", "cfi")]


def test_without_cfi_by_link_register_and_frame_pointer(s: Stand) -> None:
    words = [STACK + 64, s.place["outer"]]
    trace = s.trace(s.place["plain_leaf"], words, x30=s.place["plain"], x29=STACK)
    assert names(trace) == [("plain_leaf", "pc"), ("plain", "link-register"), ("outer", "frame-pointer")]


def test_a_link_register_of_the_function_itself_is_old(s: Stand) -> None:
    words = [STACK + 64, s.place["outer"]]
    trace = s.trace(s.place["plain"], words, x30=s.place["plain"], x29=STACK)
    assert names(trace) == [("plain", "pc"), ("outer", "frame-pointer")]


def test_a_guess_is_labelled(s: Stand) -> None:
    trace = s.trace(s.place["plain"], [1, 2, s.place["leaf"], s.place["middle"], 0, 0])
    assert names(trace)[:2] == [("plain", "pc"), ("middle", "guess")]


def test_a_call_of_no_code_is_told_by_the_link_register(s: Stand) -> None:
    trace = s.trace(0, [], x30=s.place["outer"])
    assert names(trace)[1] == ("outer", "return-address")


def test_garbage_ends_with_a_fault(s: Stand) -> None:
    trace = s.trace(s.place["leaf"], [0, 0x1234, 0, 0], x30=s.place["middle"], x29=STACK)
    assert names(trace) == [("leaf", "pc"), ("middle", "cfi")]
    assert "0x1234 is not in the code" in trace.faults[0]
