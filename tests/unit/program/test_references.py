"""Calls of a function and loads of a variable, found in the bytes of the code."""

from __future__ import annotations

from unidbg_symbols import Image

from tests.support.images import compile_image
from unidbg.program.references import references

SOURCE = r"""
unsigned long word, other, far_word;
__attribute__((noinline)) void failed(void) { for (;;) ; }
__attribute__((noinline)) void lonely(void) { __asm__ volatile(""); }
void near_one(void) {
    __asm__ volatile(".skip 200, 0x90; movq word(%rip), %rax; cmpq word(%rip), %rax; jne failed");
}
void near_two(void) { __asm__ volatile(".skip 200, 0x90; call failed; jmp failed"); }
void absolute(void) { __asm__ volatile("movq far_word, %rax"); }
void segment(void) { __asm__ volatile("movq %fs:0x28, %rax; subq %fs:0x28, %rax"); }
void _start(void) { for (;;) near_two(); }
"""


def image() -> Image:
    return Image.open(compile_image(SOURCE))


def names(ours: Image, places: tuple[int, ...]) -> list[str]:
    found = [ours.symbol_at(place) for place in places]
    return [symbol.name if symbol else "" for symbol in found]


def test_calls_jumps_and_loads() -> None:
    ours = image()
    failed = references(ours, ours.symbol("failed").address)
    word = references(ours, ours.symbol("word").address)
    assert failed is not None
    assert word is not None
    assert names(ours, failed.calls) == ["near_one", "near_two", "near_two"]
    assert names(ours, word.loads) == ["near_one", "near_one"]
    assert references(ours, ours.symbol("lonely").address) == ((), ())
    assert references(ours, ours.symbol("other").address, {}) == ((), ())


def test_absolute_addresses_and_segments() -> None:
    ours = image()
    far = references(ours, ours.symbol("far_word").address, {})
    assert far is not None
    assert names(ours, far.loads) == ["absolute"]
    through = references(ours, 0x7000 + 0x28, {"fs_base": 0x7000, "gs_base": 0x9000})
    assert through is not None
    assert names(ours, through.loads) == ["segment", "segment"]


def test_other_machines_are_not_understood() -> None:
    class Arm:
        machine = "aarch64"

    assert references(Arm(), 0x1000) is None  # type: ignore[arg-type]
