"""Which blocks can be reached: a conservative mark over words of memory, in bulk.

Every aligned word that points into a live block, at its start or inside, keeps that block.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Words = npt.NDArray[np.uint64]
    Indexes = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

CHUNK_WORDS = 1 << 20
"""Words that are looked at in one go: 8 MiB, so that a large heap costs no copy of itself."""
FEW = 256
"""Marks with fewer blocks than this go on one by one: a long list would be one round of numpy a link."""


class Spans(NamedTuple):
    """Live blocks by address: first byte and one past the last of their data, sorted, disjoint."""

    starts: Words
    ends: Words


class Pointers(NamedTuple):
    """Words that point into blocks: where each lies (word index) and the block it points to."""

    at: Indexes
    to: Indexes


def pointers(data: bytes | memoryview, spans: Spans) -> Pointers:
    """The aligned little-endian words of `data` that point into a block."""
    import numpy as np

    words = np.frombuffer(memoryview(data)[: len(data) - len(data) % 8], dtype="<u8")
    found_at: list[Indexes] = [np.empty(0, np.int64)]
    found_to: list[Indexes] = [np.empty(0, np.int64)]
    if len(spans.starts) == 0:
        return Pointers(found_at[0], found_to[0])
    low, high = spans.starts[0], spans.ends[-1] - spans.starts[0]
    for first in range(0, len(words), CHUNK_WORDS):
        chunk = words[first : first + CHUNK_WORDS]
        near = np.flatnonzero(chunk - low < high)
        at, to = _inside(chunk[near], near, spans)
        found_at.append(at + first)
        found_to.append(to)
    return Pointers(np.concatenate(found_at), np.concatenate(found_to))


def _inside(values: Words, at: Indexes, spans: Spans) -> tuple[Indexes, Indexes]:
    import numpy as np

    block = np.searchsorted(spans.starts, values, side="right") - 1
    inside = (block >= 0) & (values < spans.ends[block])
    return at[inside], block[inside]


def reachable(count: int, roots: Iterable[Indexes], owner: Indexes, to: Indexes) -> Flags:
    """Which of `count` blocks are reached from `roots`, going from block `owner[i]` to block `to[i]`."""
    import numpy as np

    targets = to[np.argsort(owner, kind="stable")]
    first = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))])
    marked, place = np.zeros(count, np.bool_), np.empty(count, np.int64)
    front = _new(np.concatenate([np.empty(0, np.int64), *roots]), marked, place)
    while len(front) > FEW:
        front = _next(front, first, targets, marked, place)
    _one_by_one(front, first, targets, marked)
    return marked


def _new(reached: Indexes, marked: Flags, place: Indexes) -> Indexes:
    """What is not marked yet, each once; marks it. `place` is room to work in, a word for each block.

    The last to write its place into a block is the one that stays: that costs no sorting.
    """
    import numpy as np

    new = reached[~marked[reached]]
    numbers = np.arange(len(new))
    place[new] = numbers
    once: Indexes = new[place[new] == numbers]
    marked[once] = True
    return once


def _next(front: Indexes, first: Indexes, targets: Indexes, marked: Flags, place: Indexes) -> Indexes:
    """Marks what the front points to; what is new of it."""
    import numpy as np

    lengths = first[front + 1] - first[front]
    ends = np.cumsum(lengths)
    inside = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    return _new(targets[np.repeat(first[front], lengths) + inside], marked, place)


def _one_by_one(front: Indexes, first: Indexes, targets: Indexes, marked: Flags) -> None:
    """The same from a stack, over plain memory: a link costs well below a microsecond."""
    waiting = front.tolist()
    edges, ends, flags = targets.data, first.data, marked.data
    while waiting:
        block = waiting.pop()
        for index in range(ends[block], ends[block + 1]):
            target = edges[index]
            if not flags[target]:
                flags[target] = True
                waiting.append(target)
