"""Backtraces with their variables at random stops of a sample equal gdb's, however the sample was compiled.

Names, program counters, inlined calls, functions that ended in a jump, frames through interrupts, and the
values of all plain variables. Where gdb is wrong, tests/e2e/stops/recorded.py says so.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from unidbg_symbols import Image

from tests.e2e.stops.recorded import build, compared, differences, record

FLAGS = [
    ("-O0",),
    ("-O0", "-fomit-frame-pointer"),
    ("-O2",),
    ("-O2", "-fno-omit-frame-pointer"),
]
TIMEOUT = 100.0


def hold_against_gdb(path: Path, count: int, seed: int, folder: Path) -> None:
    stops = record(path, count, seed, folder, timeout=TIMEOUT)
    with Image.open(path) as image:
        found = [
            f"stop {number}: {text}" for number, stop in enumerate(stops) for text in differences(stop, image)
        ]
        assert not found, "\n".join(found[:20])
        assert sum(compared(stop, image) for stop in stops) > count, "hardly a variable was compared"
    assert sum(len(stop.frames) for stop in stops) > 2 * count


def test_as_the_samples_are_built(sample: Callable[[str], Path], tmp_path: Path) -> None:
    hold_against_gdb(sample("hello"), 40, 1, tmp_path)


def test_without_optimisation(tmp_path: Path) -> None:
    hold_against_gdb(build("hello", FLAGS[0], tmp_path), 30, 2, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_a_thousand_stops(flags: tuple[str, ...], tmp_path: Path) -> None:
    path = build("hello", flags, tmp_path)
    for seed in (3, 4):
        hold_against_gdb(path, 125, seed, tmp_path)
