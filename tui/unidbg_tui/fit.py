"""Lines fitted to a width: cut with an ellipsis, padded, set left and right. Widths are terminal cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.cells import cell_len, set_cell_size

from unidbg_tui.cells import Line, Span


def width_of(spans: Line) -> int:
    """Cells that the line takes."""
    return sum(cell_len(span.text) for span in spans)


def cut(spans: Line, width: int) -> Line:
    """The line in at most `width` cells; an ellipsis says that something is missing."""
    if width_of(spans) <= width:
        return spans
    if width <= 0:
        return ()
    kept: list[Span] = []
    left = width - 1
    for span in spans:
        size = cell_len(span.text)
        if size > left:
            kept.append(replace(span, text=set_cell_size(span.text, left) + "…"))
            break
        kept.append(span)
        left -= size
    return tuple(kept)


def padded(spans: Line, width: int, *, right: bool = False) -> Line:
    """The line in exactly `width` cells."""
    spans = cut(spans, width)
    blank = Span(" " * (width - width_of(spans)))
    if not blank.text:
        return spans
    return (blank, *spans) if right else (*spans, blank)


def sides(left: Line, right: Line, width: int) -> Line:
    """`left` at the left, `right` at the right; where both do not fit, `left` is cut."""
    right = cut(right, width)
    room = width - width_of(right)
    return (*padded(left, max(0, room - 1)), Span(" " * min(1, room)), *right)


def either(width: int, *options: tuple[Line, Line]) -> Line:
    """The first (left, right) that fits without a cut, in decreasing detail; else the last one, cut."""
    for left, right in options:
        if width_of(left) + width_of(right) < width:
            return sides(left, right, width)
    return sides(*options[-1], width)


def share_out(available: int, wanted: Sequence[int], least: int = 1) -> list[int]:
    """Heights for blocks that want `wanted` rows: all where it fits, else fair shares of `available`."""
    given = [min(least, rows) for rows in wanted]
    left = available - sum(given)
    while left > 0:
        hungry = [index for index, rows in enumerate(wanted) if given[index] < rows]
        if not hungry:
            break
        smallest = min(hungry, key=lambda index: (given[index], index))
        given[smallest] += 1
        left -= 1
    return given


def mark_changes(before: Sequence[Line], after: Sequence[Line]) -> list[Line]:
    """The lines of `after`; what differs from the same place in `before` is marked. Bars are not."""
    marked = [_mark(old, new) for old, new in zip(before, after, strict=False)]
    return [*marked, *after[len(marked) :]]


def _mark(before: Line, after: Line) -> Line:
    if len(before) != len(after):
        return after
    pairs = zip(before, after, strict=True)
    return tuple(
        replace(new, changed=True) if old.text != new.text and any(map(str.isalnum, new.text)) else new
        for old, new in pairs
    )
