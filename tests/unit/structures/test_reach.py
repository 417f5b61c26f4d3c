"""The mark over words of memory, against the plainest search there is."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unidbg.structures import reach
from unidbg.structures.reach import Spans, pointers, reachable


def indexes(*values: int) -> reach.Indexes:
    return np.array(values, dtype=np.int64)


def plainly(count: int, roots: list[int], edges: list[tuple[int, int]]) -> set[int]:
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        block = waiting.pop()
        if block not in seen:
            seen.add(block)
            waiting += [to for owner, to in edges if owner == block]
    return seen


def marked(count: int, roots: list[int], edges: list[tuple[int, int]]) -> set[int]:
    owner = indexes(*(a for a, _ in edges))
    to = indexes(*(b for _, b in edges))
    return set(np.flatnonzero(reachable(count, [indexes(*roots)], owner, to)).tolist())


GRAPH = st.integers(1, 30).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(st.integers(0, count - 1), max_size=5),
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=60),
    )
)


@settings(max_examples=100, deadline=None)
@given(GRAPH, st.sampled_from([0, 2, 256]))
def test_marks_what_a_plain_search_finds(
    graph: tuple[int, list[int], list[tuple[int, int]]], few: int
) -> None:
    before, reach.FEW = reach.FEW, few
    try:
        assert marked(*graph) == plainly(*graph)
    finally:
        reach.FEW = before


def test_a_long_list_and_a_cycle() -> None:
    count = 50_000
    edges = [(n, (n + 1) % count) for n in range(count)]
    assert len(marked(count, [7], edges)) == count
    assert marked(count, [], edges) == set()


def test_words_that_point_into_blocks() -> None:
    spans = Spans(np.array([0x1000, 0x1100], np.uint64), np.array([0x1010, 0x1140], np.uint64))
    words = [0xFFF, 0x1000, 0x100F, 0x1010, 0x10FF, 0x1100, 0x113F, 0x1140, (1 << 64) - 1, 0]
    data = b"".join(word.to_bytes(8, "little") for word in words) + b"\x00\x10"
    found = pointers(data, spans)
    assert list(zip(found.at.tolist(), found.to.tolist(), strict=True)) == [(1, 0), (2, 0), (5, 1), (6, 1)]


def test_no_blocks_and_no_words() -> None:
    nothing = np.empty(0, np.uint64)
    assert len(pointers(b"\xff" * 64, Spans(nothing, nothing)).at) == 0
    assert len(pointers(b"", Spans(np.array([1], np.uint64), np.array([2], np.uint64))).at) == 0


def test_chunks_join_without_a_seam() -> None:
    spans = Spans(np.array([0x10], np.uint64), np.array([0x20], np.uint64))
    before, reach.CHUNK_WORDS = reach.CHUNK_WORDS, 4
    try:
        assert pointers((0x18).to_bytes(8, "little") * 10, spans).at.tolist() == list(range(10))
    finally:
        reach.CHUNK_WORDS = before
