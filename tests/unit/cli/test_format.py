"""gdb's formats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.cli.format import LETTERS, UNITS, Format, parse_format


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("16gx", Format(16, 8, "x")),
        ("/4xw", Format(4, 4, "x")),
        ("x", Format(1, 4, "x")),
        ("8", Format(8, 4, "x")),
        ("3s", Format(3, 1, "s")),
        ("2a", Format(2, 8, "a")),
        ("10i", Format(10, 4, "i")),
        ("64bx", Format(64, 1, "x")),
    ],
)
def test_formats(text: str, shape: Format) -> None:
    assert parse_format(text) == shape


@pytest.mark.parametrize("text", ["0x", "gg", "xx", "16qx", "99999999999x", "-1x", "1.5x", "٣x"])
def test_what_is_no_format(text: str) -> None:
    with pytest.raises(ValueError, match=r"no format|count"):
        parse_format(text)


@given(st.text(max_size=12))
def test_any_text_is_a_format_or_refused(text: str) -> None:
    try:
        shape = parse_format(text)
    except ValueError:
        return
    assert shape.units > 0
    assert shape.letter in LETTERS
    assert shape.unit_bytes in UNITS.values()
