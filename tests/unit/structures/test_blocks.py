"""Chains of block headers, sound and damaged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.heaps import HEADER, KEY, LAYOUT, HeapBuilder
from tests.support.types import U8, U32, U64, VOID_POINTER, struct
from unidbg.program.value import WrongType
from unidbg.structures.blocks import MAX_DAMAGE, Blocks, header_layout, walk


def walked(heap: HeapBuilder) -> Blocks:
    return walk(bytes(heap.data), heap.start, LAYOUT, heap.key)


def addresses(blocks: Blocks) -> list[int]:
    return [blocks.start + int(offset) + LAYOUT.size for offset in blocks.offsets]


def test_blocks_in_order_with_size_and_call_site() -> None:
    heap = HeapBuilder()
    made = [heap.block(40, site=0x1234), heap.block(0, free=True), heap.block(1)]
    blocks = walked(heap)
    assert addresses(blocks) == made
    assert blocks.sizes.tolist() == [40, 0, 1]
    assert blocks.call_sites.tolist() == [0x1234, 0, 0]
    assert blocks.damage == ()


def test_an_empty_heap_has_no_blocks() -> None:
    blocks = walk(b"", 0x1000, LAYOUT, KEY)
    assert (len(blocks.offsets), blocks.damage) == (0, ())


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (b"\xff", "check word is wrong"),
        (b"\0" * 16, "its span of 0x0 bytes is none"),
        (b"\0" * 8 + (1 << 60).to_bytes(8, "little"), "leads out of the heap"),
        (b"\0" * 8 + (33).to_bytes(8, "little"), "is none"),
    ],
)
def test_a_broken_link_is_named_and_the_walk_goes_on_behind_it(damage: bytes, reason: str) -> None:
    heap = HeapBuilder()
    first, second, third = (heap.block(24) for _ in range(3))
    heap.poke(second - HEADER.size, damage)
    blocks = walked(heap)
    assert addresses(blocks) == [first, third]
    (broken,) = blocks.damage
    assert broken.offset == second - HEADER.size - heap.start
    assert (broken.before, broken.resumed) == (0, third - HEADER.size - heap.start)
    assert reason in broken.reason


def test_a_broken_first_header_has_no_block_before_it() -> None:
    heap = HeapBuilder()
    first, second = heap.block(8), heap.block(8)
    heap.poke(first - HEADER.size, b"\xee")
    (broken,) = walked(heap).damage
    assert (broken.offset, broken.before) == (0, -1)
    assert addresses(walked(heap)) == [second]


def test_two_breaks_are_two_faults() -> None:
    heap = HeapBuilder()
    made = [heap.block(24) for _ in range(6)]
    for number in (1, 4):
        heap.poke(made[number] - HEADER.size, b"\xee")
    blocks = walked(heap)
    assert addresses(blocks) == [made[0], made[2], made[3], made[5]]
    assert [broken.before for broken in blocks.damage] == [
        made[number] - HEADER.size - heap.start for number in (0, 3)
    ]


def test_damage_is_listed_so_far_and_no_further() -> None:
    heap = HeapBuilder()
    for number in range(400):
        made = heap.block(8)
        if number % 2:
            heap.poke(made - HEADER.size, b"\xee")
    assert len(walked(heap).damage) == MAX_DAMAGE


def test_a_layout_by_type() -> None:
    header = struct(
        "header", ("check", U64), ("span", U32), ("size", U32), ("serial", U64), ("call_site", VOID_POINTER)
    )
    assert header_layout(header) == (32, (0, 8), (8, 4), (12, 4), (24, 8), (16, 8))


@pytest.mark.parametrize(
    "header",
    [
        struct("header", ("check", U64), ("span", U64)),
        struct("header", ("check", U8), ("span", U64), ("size", U64), ("pad", U64)),
        struct("header", ("check", U64), ("span", U64), ("size", U64)),
    ],
)
def test_a_type_that_is_no_header(header: object) -> None:
    with pytest.raises(WrongType):
        header_layout(header)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2048), st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1))
def test_any_bytes_end_in_blocks_or_damage(data: bytes, start: int, key: int) -> None:
    blocks = walk(data, start & ~15, LAYOUT, key)
    assert all(0 <= offset < len(data) for offset in blocks.offsets.tolist())
    assert len(blocks.damage) <= MAX_DAMAGE


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 8000), st.integers(1, 255)), max_size=5),
)
def test_every_block_that_is_told_is_one_that_was_made(
    sizes: list[int], damage: list[tuple[int, int]]
) -> None:
    heap = HeapBuilder()
    made = {heap.block(size): size for size in sizes}
    for at, value in damage:
        heap.data[at % len(heap.data)] ^= value
    blocks = walked(heap)
    for address, size in zip(addresses(blocks), blocks.sizes.tolist(), strict=True):
        assert made[address] == size
