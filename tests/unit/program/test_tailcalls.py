"""Functions that ended in a jump have frames, and what was passed is known after its register was reused."""

from __future__ import annotations

import struct

import pytest
from unidbg_symbols import Image

from tests.support.fake_target import FakeTarget
from tests.support.images import compile_image, load
from unidbg.program.module import Module
from unidbg.program.program import Program
from unidbg.program.unwind import Trace, backtrace

STACK = 0x50_0000
SOURCE = r"""
#define KEPT __attribute__((noinline, noclone, noipa))
volatile int sink;
KEPT int last(int number) { sink = number * 5; __asm__ volatile ("xor %%edi, %%edi" ::: "rdi"); return 0; }
KEPT int middle(int number) { sink = number; return last(number + 1); }
KEPT int either(int number) { if (number > 5) return middle(number); return last(number); }
KEPT int first(int given) { int got = middle(41); sink = given; return got + 1; }
KEPT int unsure(int given) { int got = either(given); sink = given; return got + 1; }
KEPT int plain(int given) { int got = last(7); sink = given; return got + 1; }
KEPT int outer(void) { return first(1) + unsure(2) + plain(3); }
void _start(void) { outer(); for (;;) ; }
"""


def trace_of(caller: str, *, bias: int = 0) -> tuple[Trace, Image]:
    """The thread stands in `last`, behind where it lost its register; `caller` made the call."""
    image = Image.open(compile_image(SOURCE, "-O2"))
    memory = load(image, bias)
    callee, function = image.symbol("last"), image.symbol(caller)
    [site] = [site for site in image.call_sites(function.address) if not site.tail]
    memory.plant(STACK, struct.pack("<4Q", 0, site.return_pc + bias, 0, 0) + bytes(4096))
    registers: dict[str, int | None] = {
        "rip": callee.address + callee.size - 1 + bias,
        "rsp": STACK + 8,
        "rbp": 0,
    }
    return backtrace(Program(FakeTarget(memory), [Module(image, bias)]), registers, variables=True), image


def shown(trace: Trace) -> list[tuple[str | None, str]]:
    return [(frame.pc.symbol, frame.how) for frame in trace.frames]


@pytest.mark.parametrize("bias", [0, 0x20_0000])
def test_a_function_that_ended_in_a_jump_has_a_frame(bias: int) -> None:
    trace, image = trace_of("first", bias=bias)
    assert shown(trace)[:3] == [("last", "pc"), ("middle", "tail-call"), ("first", "cfi")]
    [jump] = [site for site in image.call_sites(image.symbol("middle").address) if site.tail]
    assert trace.frames[1].pc.address == jump.return_pc + bias
    assert trace.frames[1].pc.line == 5


def test_a_call_without_a_jump_has_none() -> None:
    trace, _ = trace_of("plain")
    assert shown(trace)[:2] == [("last", "pc"), ("plain", "cfi")]


def test_where_several_ways_lead_there_only_what_they_share_is_shown() -> None:
    trace, _ = trace_of("unsure")
    assert shown(trace)[:2] == [("last", "pc"), ("unsure", "cfi")]


def test_what_was_passed_is_known_from_the_call() -> None:
    trace, _ = trace_of("plain")
    [number] = trace.frames[0].variables
    assert (number.name, number.value, number.parameter) == ("number", "7", True)


def test_what_nobody_knows_is_optimised_out() -> None:
    trace, _ = trace_of("unsure")
    [number] = trace.frames[0].variables
    assert number.value == "<optimised out>"
