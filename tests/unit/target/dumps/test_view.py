"""Memory of a dump looked at where it lies: the bytes that reading gives, as many as lie together."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.page_tables import TableBuilder
from unidbg.target.dump.extents import Extent, Extents
from unidbg.target.dump.paged import PagedSpace, Root
from unidbg.target.dump.space import FileSpace, NoSpace

PAGES = 64
TABLES = 0x10_0000
AT = 0x7F_F000 - 4096 * 3
"""Virtual: the pages lie in two tables."""


class Bytes:
    """A source that is an array of bytes."""

    path = "bytes"

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]

    def view(self, offset: int, length: int) -> memoryview:
        return memoryview(self._data)[offset : offset + length]

    def find(self, needle: bytes, start: int, end: int) -> int:
        return self._data.find(needle, start, end)

    def close(self) -> None:
        """Nothing to let go."""


def space(frames: list[int]) -> PagedSpace:
    """Virtual pages from `AT` on in these frames; -1: not mapped."""
    tables = TableBuilder(TABLES)
    for number, frame in enumerate(frames):
        if frame >= 0:
            tables.map(AT + (number << 12), frame << 12, 0)
    low = b"".join(struct.pack("<H", page) * 2048 for page in range(PAGES))
    high = b"".join(struct.pack("<512Q", *entries) for _, entries in sorted(tables.tables.items()))
    source = Bytes(low + high)
    extents = Extents([Extent(0, len(low), 0), Extent(TABLES, len(high), len(low))])
    return PagedSpace(FileSpace(source, extents), Root(tables.root))


FRAMES = st.lists(st.integers(-1, 7) | st.just(3), max_size=20)


@settings(max_examples=60)
@given(FRAMES, st.integers(0, 8192), st.integers(1, 40000))
def test_what_is_seen_is_what_is_read(frames: list[int], offset: int, length: int) -> None:
    memory = space([*range(8), *frames])
    seen = memory.view(AT + offset, length)
    assert seen is not None
    assert 0 < len(seen) <= length
    assert memory.read(AT + offset, len(seen)) == bytes(seen)
    assert len(seen) >= min(length, (8 << 12) - offset)


@pytest.mark.parametrize("address", [0, AT - 1, AT + (9 << 12), 1 << 47, -1, 1 << 64, (1 << 64) - 1])
def test_where_nothing_is_mapped_nothing_is_seen(address: int) -> None:
    assert space(list(range(8))).view(address, 8) is None


def test_a_space_that_cannot_show_its_bytes_shows_none() -> None:
    assert PagedSpace(NoSpace(), Root(0)).view(0, 8) is None
