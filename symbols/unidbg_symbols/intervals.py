"""Overlapping address ranges flattened into one sorted table, for look-up by bisection."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def flatten(intervals: Iterable[tuple[int, int, int]]) -> tuple[list[int], list[int]]:
    """(starts, owners) of (start, end, owner) sorted by start, outer ones before those inside them.

    `owners[bisect_right(starts, address)]` is the innermost owner, -1 for none.
    """
    starts: list[int] = []
    owners = [-1]
    open_ones: list[tuple[int, int]] = []  # (end, owner), the innermost last

    def begin(address: int, owner: int) -> None:
        if starts and starts[-1] == address:
            owners[-1] = owner
        elif owners[-1] != owner:
            starts.append(address)
            owners.append(owner)

    def close_until(address: int) -> None:
        while open_ones and open_ones[-1][0] <= address:
            end = open_ones.pop()[0]
            while open_ones and open_ones[-1][0] <= end:
                open_ones.pop()
            begin(end, open_ones[-1][1] if open_ones else -1)

    for start, end, owner in intervals:
        if end > start:
            close_until(start)
            open_ones.append((end, owner))
            begin(start, owner)
    close_until(1 << 65)
    return starts, owners
