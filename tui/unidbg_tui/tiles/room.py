"""How much room a tile has, and charts that fill it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unidbg_tui.cells import Gauge, Line, Role, Span
from unidbg_tui.spark import chart, meter


@dataclass(frozen=True, slots=True)
class Room:
    """Cells inside the tile's border."""

    width: int
    height: int


def spark_lines(values: Sequence[float | None], width: int, height: int) -> list[Line]:
    """A series as lines, fading towards the foot."""
    rows = chart(values, width, height)
    return [(Span(row, _tone(number, len(rows))),) for number, row in enumerate(rows)]


def _tone(number: int, rows: int) -> Role:
    tones: tuple[Role, ...] = ("high", "middle", "low")
    return tones[min(2, number * 3 // rows)]


def gauge_line(gauge: Gauge, width: int) -> Line:
    """A gauge as a line of a tile."""
    full, rest = meter(gauge.value, width, gauge.mark)
    return Span(full, gauge.role), Span(rest, "dim")
