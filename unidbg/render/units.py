"""Numbers as people read them: bytes, durations, shares, counts. JSON never goes through here."""

from __future__ import annotations

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_TIME = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"))


def size(count: int) -> str:
    """Bytes with a binary prefix: `512 B`, `4 KiB`, `1.25 MiB`."""
    value, unit = float(abs(count)), 0
    while value >= 1024 and unit < len(_BINARY) - 1:
        value /= 1024
        unit += 1
    return f"{'-' if count < 0 else ''}{_three_digits(value)} {_BINARY[unit]}"


def duration(ns: int) -> str:
    """Nanoseconds in the unit that fits: `850 ns`, `1.25 ms`, `2 min 05 s`, `3 h 07 min`."""
    if ns < 0:
        return "-" + duration(-ns)
    seconds = ns // 1_000_000_000
    if seconds >= 86_400:
        return f"{seconds // 86_400} d {seconds % 86_400 // 3600:02} h"
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
    if seconds >= 60:
        return f"{seconds // 60} min {seconds % 60:02} s"
    for divisor, unit in _TIME:
        if ns >= divisor:
            return f"{_three_digits(ns / divisor)} {unit}"
    return f"{ns} ns"


def percent(part: int, whole: int) -> str:
    """The share of `part` in `whole`; `-` where there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole > 0 else "-"


def count(number: int) -> str:
    """A count with separators: `1,234,567`."""
    return f"{number:,}"


def plural(number: int, noun: str, many: str = "") -> str:
    """`1 timer`, `2 timers`."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def _three_digits(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
