"""Paired timing of whole processes: ours and theirs in turn, so that a noisy machine tilts both alike.

A suite is a module with `run(quick: bool) -> list[Row]`; `python -m tests.bench` collects them.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One measured comparison. Figures are medians in `unit`; `ratio` is ours / theirs, pair by pair."""

    what: str
    ours: float
    theirs: float | None
    other: str
    ratio: float | None
    goal: str
    unit: str = "ms"
    note: str = ""


def process_ms(command: Sequence[str], *, stdin: str | None = None, folder: Path | None = None) -> float:
    """Wall time of one run of `command` in ms; a command that fails is a broken bench, not a fast one."""
    start = time.perf_counter()
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=False, timeout=300, cwd=folder
    )
    elapsed = (time.perf_counter() - start) * 1000
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return elapsed


def alone(what: str, ours: Callable[[], float], *, goal: str, runs: int = 7) -> Row:
    """A figure in ms that there is nothing to compare with."""
    ours()
    return Row(what, statistics.median(ours() for _ in range(runs)), None, "", None, goal)


def pair(
    what: str,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    *,
    other: str,
    goal: str,
    runs: int = 7,
    unit: str = "ms",
    note: str = "",
) -> Row:
    """Measure `ours` and `theirs` in turn, after one warm-up of each; both return a figure in `unit`."""
    ours()
    theirs()
    return paired(what, [(ours(), theirs()) for _ in range(runs)], other, goal, unit, note)


def paired(
    what: str,
    figures: Sequence[tuple[float, float]],
    other: str,
    goal: str,
    unit: str = "ms",
    note: str = "",
) -> Row:
    """The row of figures that were measured in turn: ours, theirs."""
    return Row(
        what,
        statistics.median(a for a, _ in figures),
        statistics.median(b for _, b in figures),
        other,
        statistics.median(a / b for a, b in figures),
        goal,
        unit,
        note,
    )


def commands(
    what: str,
    ours: Sequence[str],
    theirs: Sequence[str],
    *,
    other: str,
    goal: str,
    runs: int = 7,
    note: str = "",
) -> Row:
    """`pair` for two command lines."""
    return pair(
        what,
        lambda: process_ms(ours),
        lambda: process_ms(theirs),
        other=other,
        goal=goal,
        runs=runs,
        note=note,
    )
