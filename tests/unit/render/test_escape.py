"""`escape` lets nothing through that a terminal acts on, and loses nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.render.escape import escape, escape_bytes, escape_lines

ANYTHING = st.text(st.characters(codec=None), max_size=40) | st.binary(max_size=40).map(
    lambda data: data.decode("utf-8", "surrogateescape")
)
HOSTILE = [
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x9b2J",
    "\x7f",
    "\r\n",
    "a\u202eb\u2066c",
    "\u200e\u061c\ufeff",
    "\u2028\u2029",
    "\udc9b\ud800",
    "\U000e0041",
]
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([\\nrt]))")


def unescape(text: str) -> str:
    """The inverse of `escape`."""

    def one(match: re.Match[str]) -> str:
        byte, short, long, letter = match.groups()
        if byte is not None:
            code = int(byte, 16)
            return chr(code if code < 0x80 else 0xDC00 + code)
        if letter is not None:
            return {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}[letter]
        return chr(int(short or long, 16))

    return _ESCAPE.sub(one, text)


@given(ANYTHING)
def test_escape_is_printable_and_can_be_undone(text: str) -> None:
    escaped = escape(text)
    assert escaped.isprintable()
    assert unescape(escaped) == text


@given(st.binary(max_size=60))
def test_bytes_survive(data: bytes) -> None:
    escaped = escape(data.decode("utf-8", "surrogateescape"))
    assert unescape(escaped).encode("utf-8", "surrogateescape") == data


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_becomes_ascii(text: str) -> None:
    assert escape(text).isascii()
    assert escape(text).isprintable()


def test_what_is_shown() -> None:
    assert escape("plain [/oops] é 漢") == "plain [/oops] é 漢"
    assert escape("\x1b\x9b\udc9b\u202e\U000e0001\\") == r"\x1b\u009b\x9b\u202e\U000e0001\\"
    assert escape("a\nb\r\tc") == r"a\nb\r\tc"


@given(ANYTHING)
def test_lines_are_as_many_as_there_are(text: str) -> None:
    lines = escape_lines(text)
    assert len(lines) == text.removesuffix("\n").count("\n") + 1
    assert all(line.isprintable() for line in lines)


def test_lines_drop_what_only_ends_them() -> None:
    assert escape_lines("a\r\n\tb\n") == ["a", "        b"]


@given(ANYTHING)
def test_bytes_for_json_can_be_encoded_and_told_apart(text: str) -> None:
    escaped = escape_bytes(text)
    escaped.encode("utf-8")
    assert ("\\" in escaped) == any(c == "\\" or "\ud800" <= c <= "\udfff" for c in text)
    assert unescape(escaped.replace("\n", r"\n")) == text
