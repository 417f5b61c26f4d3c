"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.render import units


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.50 KiB"),
        (1_273_856, "1.21 MiB"),
        (4 << 20, "4 MiB"),
        (133 << 20, "133 MiB"),
        (1 << 70, "1024 EiB"),
        (-2048, "-2 KiB"),
    ],
)
def test_size(count: int, text: str) -> None:
    assert units.size(count) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_250, "1.25 µs"),
        (12_500_000, "12.5 ms"),
        (3_200_000_000, "3.20 s"),
        (60_000_000_000, "1 min 00 s"),
        (3_600_000_000_000 + 420_000_000_000, "1 h 07 min"),
        (90_000_000_000_000, "1 d 01 h"),
        (-1_000, "-1 µs"),
    ],
)
def test_duration(ns: int, text: str) -> None:
    assert units.duration(ns) == text


def test_percent_of_nothing() -> None:
    assert units.percent(5, 0) == "-"
    assert units.percent(1, 3) == "33.3 %"
    assert units.percent(10, 4) == "250.0 %"


def test_plural() -> None:
    assert [units.plural(n, "timer") for n in (0, 1, 1200)] == ["0 timers", "1 timer", "1,200 timers"]


@given(st.integers(-(2**80), 2**80))
def test_any_number_has_a_short_form(number: int) -> None:
    assert len(units.size(number)) < 24
    assert units.duration(number)
    assert units.percent(number, 7)
