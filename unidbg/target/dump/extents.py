"""Where addresses lie in a file: sorted runs that do not overlap, in columns, for there can be a million."""

from __future__ import annotations

import operator
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import compress, islice
from typing import NamedTuple

LAST = (1 << 64) - 1


class Extent(NamedTuple):
    """`length` bytes of addresses from `start` on, which lie in the file from `offset` on."""

    start: int
    length: int
    offset: int


class Extents:
    """A map from addresses to offsets. What overlaps is read from the extent that begins first."""

    def __init__(self, extents: Iterable[Extent] = ()) -> None:
        columns: Columns = array("Q"), array("Q"), array("Q")
        for extent in extents:
            for column, value in zip(columns, extent, strict=True):
                column.append(value)
        self._take(*columns)

    @classmethod
    def of_columns(cls, starts: array[int], lengths: array[int], offsets: array[int]) -> Extents:
        """The same from columns."""
        made = cls()
        made._take(starts, lengths, offsets)
        return made

    def _take(self, starts: array[int], lengths: array[int], offsets: array[int]) -> None:
        if not all(lengths):
            starts, offsets = (array("Q", compress(column, lengths)) for column in (starts, offsets))
            lengths = array("Q", filter(None, lengths))
        ends = _ends(starts, lengths)
        if not all(map(operator.le, ends, islice(starts, 1, None))):
            starts, ends, offsets = _disentangled(starts, ends, offsets)
        self.starts, self.ends, self.offsets = starts, ends, offsets

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[Extent]:
        for start, end, offset in zip(self.starts, self.ends, self.offsets, strict=True):
            yield Extent(start, end - start, offset)

    def find(self, address: int) -> tuple[int, int] | None:
        """(offset in the file, bytes from there to the extent's end) of an address."""
        index = bisect_right(self.starts, address) - 1
        if index < 0 or address >= self.ends[index]:
            return None
        return self.offsets[index] + address - self.starts[index], self.ends[index] - address

    def gap(self, address: int) -> int:
        """Bytes from an address that no extent has to the next one; very many behind the last."""
        index = bisect_right(self.starts, address)
        return self.starts[index] - address if index < len(self.starts) else LAST

    def address_of(self, offset: int) -> int | None:
        """The first address that lies at an offset of the file."""
        for start, end, at in zip(self.starts, self.ends, self.offsets, strict=True):
            if at <= offset < at + end - start:
                return start + offset - at
        return None

    def runs(self, limit: int) -> list[tuple[int, int]]:
        """(start, end) of neighbours taken together, at most `limit`."""
        found: list[tuple[int, int]] = []
        for start, end in zip(self.starts, self.ends, strict=True):
            if found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            elif len(found) == limit:
                break
            else:
                found.append((start, end))
        return found


Columns = tuple["array[int]", "array[int]", "array[int]"]


def _ends(starts: array[int], lengths: array[int]) -> array[int]:
    """Where extents end, at the end of all addresses at the latest."""
    try:
        return array("Q", map(operator.add, starts, lengths))
    except OverflowError:
        return array("Q", (min(start + n, LAST) for start, n in zip(starts, lengths, strict=True)))


def _disentangled(starts: array[int], ends: array[int], offsets: array[int]) -> Columns:
    """Sorted, and cut where an earlier one reaches over."""
    kept: Columns = array("Q"), array("Q"), array("Q")
    reached = 0
    for index in sorted(range(len(starts)), key=starts.__getitem__):
        start, end, offset = starts[index], ends[index], offsets[index]
        first = max(start, reached)
        if first < end:
            for column, value in zip(kept, (first, end, offset + first - start), strict=True):
                column.append(value)
            reached = end
    return kept
