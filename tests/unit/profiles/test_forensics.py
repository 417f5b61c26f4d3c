"""Blocks, leaks, whatis and find over a planted guest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.heaps import HEADER, HeapBuilder
from tests.support.kernel import SOURCE, Guest, kernel
from unidbg.profiles.find import Pattern
from unidbg.session import ImageSpec, Session
from unidbg.views.base import Absent
from unidbg.views.forensics import BlocksView, FindView, LeaksView, WhatisView

SITE_SOURCE = SOURCE.replace(
    "void _start(void)",
    """
struct request { long id, state; char name[24]; };
void *take(unsigned long size);
__attribute__((noinline)) void *take(unsigned long size) { return (void *)(heap.start + size); }
struct request *request_new(void);
__attribute__((noinline)) struct request *request_new(void) {
    struct request *made = take(sizeof *made);
    made->id = 1;
    return made;
}
void *kept[4];
void _start(void)""",
).replace("for (;;) tick(NULL)", "kept[0] = request_new(); for (;;) tick(NULL)")


@dataclass
class Planted:
    """A guest with a heap, and a session on it."""

    guest: Guest
    heap: HeapBuilder

    def session(self) -> Session:
        """The heap as it is now, in the guest's memory."""
        plant = self.guest.memory.plant
        end = self.heap.start + len(self.heap.data)
        plant(self.heap.start, bytes(self.heap.data))
        for member, value in (("current", end), ("blocks", self.heap.start), ("block_check", self.heap.key)):
            plant(self.guest.member("heap", member), value.to_bytes(8, "little"))
        return Session.over(self.guest.target, images=[ImageSpec(self.guest.path)])

    def keep(self, slot: int, address: int) -> None:
        """A static pointer to `address`."""
        self.guest.memory.plant(self.guest.at("kept") + 8 * slot, address.to_bytes(8, "little"))

    def leaks(self) -> LeaksView:
        view = self.session().leaks()
        assert isinstance(view, LeaksView), view
        return view


@pytest.fixture
def planted() -> Planted:
    return Planted(kernel(SITE_SOURCE), HeapBuilder())


def witnesses(view: LeaksView) -> set[int]:
    return {group.witness for group in view.groups}


def test_blocks_are_summed_over_all_and_listed_to_the_limit(planted: Planted) -> None:
    site = planted.guest.at("app_main") + 1
    first = planted.heap.block(100, site=site)
    planted.heap.block(64, free=True)
    planted.heap.block(7)
    view = planted.session().blocks(2)
    assert isinstance(view, BlocksView)
    assert (view.used, view.used_bytes, view.free, view.free_bytes) == (2, 107, 1, 64)
    assert [block.state for block in view.blocks] == ["used", "free"]
    assert (view.blocks[0].address, view.blocks[0].size_bytes) == (first, 100)
    assert view.blocks[0].call_site is not None
    assert view.blocks[0].call_site.symbol == "app_main"
    assert (view.damaged, view.faults) == (0, ())


def test_a_broken_link_names_the_block_before_it(planted: Planted) -> None:
    first = planted.heap.block(24, site=planted.guest.at("app_main") + 1)
    second = planted.heap.block(24)
    planted.heap.block(24)
    planted.heap.poke(second - HEADER.size, b"AAAAAAAA")
    view = planted.session().blocks(10)
    assert isinstance(view, BlocksView)
    assert (view.damaged, view.unknown_bytes) == (1, HEADER.size + 32)
    (fault,) = view.faults
    assert fault.address == second - HEADER.size
    assert f"before it lies the used block {first:#x} of 24 bytes, allocated at app_main" in fault.reason


def test_an_allocator_that_tells_nothing_is_absent() -> None:
    guest = kernel()
    view = Session.over(guest.target, images=[ImageSpec(guest.path)]).leaks()
    assert isinstance(view, Absent)
    assert "docs/abi.md" in view.remedy


def test_a_heap_of_impossible_size_is_absent(planted: Planted) -> None:
    planted.heap.block(8)
    session = planted.session()
    planted.guest.memory.plant(planted.guest.member("heap", "current"), (1 << 60).to_bytes(8, "little"))
    view = session.leaks()
    assert isinstance(view, Absent)
    assert "said to reach" in view.reason


def test_leaks_are_what_nothing_points_to(planted: Planted) -> None:
    heap = planted.heap
    static, chained, inner, lost, stack = (heap.block(48) for _ in range(5))
    planted.keep(0, static)
    heap.point(static + 8, chained)
    heap.point(chained + 40, inner + 20)
    planted.guest.memory.plant(0x30_F010, stack.to_bytes(8, "little"))
    view = planted.leaks()
    assert witnesses(view) == {lost}
    assert (view.leaked, view.leaked_bytes, view.reachable) == (1, 48, 4)
    assert {root.name for root in view.roots} >= {"registers", "data", "stack"}


def test_a_cycle_that_nothing_enters_is_leaked(planted: Planted) -> None:
    heap = planted.heap
    one, other = heap.block(32), heap.block(64)
    heap.point(one, other)
    heap.point(other, one)
    assert witnesses(planted.leaks()) == {one, other}


def test_registers_keep_blocks(planted: Planted) -> None:
    held = planted.heap.block(16)
    planted.guest.target.fake_registers.values["1"]["rbx"] = held
    assert planted.leaks().leaked == 0


def test_stale_words_keep_nothing(planted: Planted) -> None:
    """Below the stack pointer, in a free block, in a header, in the rest of a block behind its size."""
    heap = planted.heap
    lost = heap.block(16)
    planted.guest.memory.plant(0x30_E000, lost.to_bytes(8, "little"))
    heap.block(64, lost.to_bytes(8, "little"), free=True)
    kept = heap.block(20, site=lost)
    heap.point(kept + 24, lost)
    planted.keep(0, kept)
    assert witnesses(planted.leaks()) == {lost}


def test_leaks_are_grouped_and_their_type_is_guessed(planted: Planted) -> None:
    image = planted.guest.image
    function = image.symbol("request_new")
    site = _return_address(planted, function.address, function.size)
    for _ in range(3):
        planted.heap.block(40, site=site)
    planted.heap.block(8)
    view = planted.leaks()
    first = view.groups[0]
    assert (first.size_bytes, first.count, first.bytes, first.type) == (40, 3, 120, "struct request")
    assert first.call_site is not None
    assert first.call_site.symbol == "request_new"
    assert view.groups[1].type == ""


def _return_address(planted: Planted, start: int, size: int) -> int:
    """Behind the first call in a function."""
    for instruction in planted.guest.program.disassemble(start, 40):
        if instruction.mnemonic == "call":
            return instruction.location.address + len(instruction.bytes_hex) // 2
    raise AssertionError(f"no call in {size} bytes at {start:#x}")


@pytest.mark.parametrize(
    ("where", "kind", "text"),
    [
        (lambda p: "heap", "symbol", "variable heap"),
        (lambda p: p.guest.at("app_main") + 1, "symbol", "function app_main, 1 bytes in"),
        (lambda p: 0x30_F008, "stack", "stack of thread 1"),
        (lambda p: 0x30_0010, "stack", "below the stack pointer"),
        (lambda p: 0x20_0020, "heap", "used block of 100 bytes, its start"),
        (lambda p: 0x20_0030, "heap", "16 bytes in"),
        (lambda p: 0x20_0010, "heap", "in its header"),
        (lambda p: 0x20_0020 + 104, "heap", "behind what was asked for"),
        (lambda p: 0xFEE0_0010, "device", "registers of device lapic, 16 bytes in"),
        (lambda p: 0x7000_0000, "nothing", "no symbol"),
    ],
)
def test_whatis(planted: Planted, where: Callable[[Planted], str | int], kind: str, text: str) -> None:
    planted.heap.block(100)
    view = planted.session().whatis(where(planted))
    assert isinstance(view, WhatisView)
    assert [meaning for meaning in view.meanings if meaning.kind == kind and text in meaning.text], view


def look(planted: Planted, pattern: Pattern, limit: int = 100, everything: bool = False) -> FindView:
    view = planted.session().find(pattern, limit, everything)
    assert isinstance(view, FindView)
    return view


def test_find_bytes_in_live_memory(planted: Planted) -> None:
    at = planted.heap.block(64, b"needle needle")
    planted.guest.memory.plant(0x30_E000, b"needle")
    view = look(planted, Pattern("needle", b"needle"))
    assert [match.location.address for match in view.matches] == [at, at + 7]
    assert {match.kind for match in view.matches} == {"heap"}
    stale = look(planted, Pattern("needle", b"needle"), everything=True)
    assert 0x30_E000 in [match.location.address for match in stale.matches]


def test_find_pointers_and_the_limit(planted: Planted) -> None:
    target = planted.heap.block(64)
    for slot in range(4):
        planted.keep(slot, target + slot)
    found = look(planted, Pattern("p", low=target, high=target + 2))
    assert [match.location.symbol for match in found.matches] == ["kept", "kept"]
    limited = look(planted, Pattern("p", low=target, high=target + 64), limit=3)
    assert (len(limited.matches), limited.more) == (3, True)


def test_find_across_the_seam_of_two_reads(planted: Planted) -> None:
    planted.heap.block((1 << 20) + 64, bytes((1 << 20) - 34) + b"seam")
    (match,) = look(planted, Pattern("seam", b"seam")).matches
    assert match.location.address == planted.heap.start + (1 << 20) - 2
