"""Who is to blame: the failing instruction, who jumped into the wild, who called the panic function."""

from __future__ import annotations

import pytest
from unidbg_symbols import Image

from tests.support.fake_target import FakeTarget
from tests.support.images import compile_image, load
from unidbg.profiles.blame import culprit
from unidbg.program.module import Module
from unidbg.program.program import Program
from unidbg.views.base import Address, Location
from unidbg.views.system import Frame

SOURCE = r"""
__attribute__((noreturn, noinline)) void stop(void) { __asm__ volatile("int3"); for (;;) ; }
__attribute__((noreturn, noinline)) void panic(void) { stop(); }
__attribute__((noinline)) void guilty(int x) { if (x) panic(); }
__attribute__((noreturn)) void loop(void) { for (;;) guilty(1); }
void _start(void) { loop(); }
int data[4] = {1};
"""
STACK = 0x50_0000


@pytest.fixture(scope="module")
def program() -> Program:
    image = Image.open(compile_image(SOURCE))
    return Program(FakeTarget(load(image)), [Module(image)])


def inside(program: Program, name: str) -> int:
    """An address in the middle of a function; behind its int3 where it has one."""
    image = program.modules[0].image
    symbol = image.symbol(name)
    trap = image.read(symbol.address, symbol.size).find(b"\xcc")
    return symbol.address + (trap + 1 if trap >= 0 else symbol.size)


def frames(program: Program, *where: str | int) -> list[Frame]:
    pcs = [inside(program, at) if isinstance(at, str) else at for at in where]
    return [
        Frame(at, Location(Address(pc)), Address(STACK + 16 * at), "pc" if at == 0 else "cfi")
        for at, pc in enumerate(pcs)
    ]


def test_an_exception_is_the_fault_of_its_instruction(program: Program) -> None:
    start = program.modules[0].image.symbol("guilty").address
    assert culprit(program, frames(program, start, "loop", "_start")) == 0


def test_nobody_is_blamed_without_frames(program: Program) -> None:
    assert culprit(program, []) is None


@pytest.mark.parametrize("wild", [0, 0x4141414141414141])
def test_a_wild_jump_is_that_of_who_jumped(program: Program, wild: int) -> None:
    assert culprit(program, frames(program, wild, "guilty", "loop")) == 1
    assert culprit(program, frames(program, wild)) == 0


def test_a_jump_into_data(program: Program) -> None:
    data = program.modules[0].image.symbol("data").address
    assert culprit(program, frames(program, data, "guilty", "loop")) == 1


def test_a_panic_is_that_of_its_caller(program: Program) -> None:
    assert culprit(program, frames(program, "stop", "panic", "guilty", "loop", "_start")) == 2


def test_it_may_have_happened_before_what_the_thread_does_now(program: Program) -> None:
    found = frames(program, "guilty", "loop", "stop", "panic", "guilty", "loop")
    failed = found[2]
    assert culprit(program, found, (failed.pc.address, failed.sp)) == 4
    assert culprit(program, found, (failed.pc.address, failed.sp + 8)) is None
