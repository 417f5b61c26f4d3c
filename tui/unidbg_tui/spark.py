"""Series as rows of block characters: pure text, any height."""

from __future__ import annotations

from collections.abc import Sequence

BLOCKS = " ▁▂▃▄▅▆▇█"
GAP = "·"


def bounds(values: Sequence[float | None], *, zero: bool = True) -> tuple[float, float]:
    """Lowest and highest of the values; the lowest is 0 at most with `zero`."""
    present = [value for value in values if value is not None]
    if not present:
        return 0.0, 1.0
    low = min([0.0, *present]) if zero else min(present)
    return low, max(present)


def chart(values: Sequence[float | None], width: int, height: int, *, zero: bool = True) -> list[str]:
    """`height` rows of `width` characters, top first, the newest value at the right. A gap is a dot."""
    if width <= 0 or height <= 0:
        return []
    shown = list(values)[-width:]
    low, high = bounds(shown, zero=zero)
    levels = [_level(value, low, high, height * 8) for value in shown]
    rows = [_row(levels, height - 1 - index) for index in range(height)]
    return [row.rjust(width) for row in rows]


def _level(value: float | None, low: float, high: float, steps: int) -> int | None:
    """Eighths of a row, at least one for anything above the bottom, so that a small value is seen."""
    if value is None:
        return None
    if high <= low:
        return 1 if value == 0 else steps // 2
    return max(1, round((value - low) / (high - low) * steps))


def _row(levels: Sequence[int | None], up: int) -> str:
    """The row that lies `up` rows above the bottom."""
    return "".join(
        (GAP if up == 0 else " ") if level is None else BLOCKS[max(0, min(8, level - up * 8))]
        for level in levels
    )


def meter(share: float, width: int, mark: float | None = None) -> tuple[str, str]:
    """A gauge: the filled part and the rest, with a tick in the rest at `mark` (the high-water mark)."""
    share = max(0.0, min(1.0, share))
    full = round(share * width)
    if share > 0 and full == 0:
        full = 1
    rest = ["─"] * (width - full)
    if mark is not None:
        at = min(width - 1, int(max(0.0, min(1.0, mark)) * width))
        if at >= full:
            rest[at - full] = "┃"
    return "━" * full, "".join(rest)


def span_bar(start: float, end: float, width: int) -> tuple[int, int]:
    """Columns (first, one past the last) of a bar from share `start` to `end`: at least one column wide."""
    first = max(0, min(width - 1, int(start * width)))
    last = max(first + 1, min(width, round(end * width)))
    return first, last
