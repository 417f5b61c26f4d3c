"""gdb's formats for `x`: `16gx` is a count, a unit and a letter, in any order after the count."""

from __future__ import annotations

from typing import NamedTuple

UNITS = {"b": 1, "h": 2, "w": 4, "g": 8}
LETTERS = "xzduotacsi"
MAX_COUNT = 1 << 20


class Format(NamedTuple):
    """How memory is shown: `units` of `unit_bytes`, each written as `letter`."""

    units: int
    unit_bytes: int
    letter: str


def parse_format(text: str) -> Format:
    """A `Format`, or ValueError with what is wrong. Missing parts: 1, the unit that suits the letter, `x`."""
    word = text.removeprefix("/")
    digits = word[: len(word) - len(word.lstrip("0123456789"))]
    unit = letter = ""
    for one in word[len(digits) :]:
        if one in UNITS and not unit:
            unit = one
        elif one in LETTERS and not letter:
            letter = one
        else:
            known = f"one of {' '.join(UNITS)} and one of {' '.join(LETTERS)}"
            raise ValueError(f"{text!r} is no format: write a count, {known}")
    count = int(digits) if digits else 1
    if not 0 < count <= MAX_COUNT:
        raise ValueError(f"{text!r}: the count must be from 1 to {MAX_COUNT}")
    letter = letter or "x"
    return Format(count, UNITS[unit] if unit else _natural(letter), letter)


def _natural(letter: str) -> int:
    if letter in "cs":
        return 1
    return 8 if letter == "a" else 4
