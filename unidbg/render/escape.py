r"""The one function through which every text of a guest goes before a person sees it.

Whatever `str.isprintable` refuses (C0, ESC, DEL, C1, bidi and other format controls, line separators, lone
surrogates, unassigned code points) becomes a backslash escape, and a backslash is doubled, so that the result
is unambiguous: it can be turned back into exactly what was there.

A byte that was not UTF-8 arrives as U+DC80..U+DCFF (`surrogateescape`) and is shown as the byte: `\x9b`.
The character U+009B, which UTF-8 can carry too, is shown as `\u009b`.
"""

from __future__ import annotations

_SHORT = {"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}


def escape(text: str) -> str:
    """One line of printable text that says without loss what `text` holds. Newlines are escaped as well."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(_escape_character(character) for character in text)


def escape_lines(text: str) -> list[str]:
    """For reading: `text` split at its newlines, each line escaped.

    Tabs are expanded, and carriage returns at the ends of lines dropped."""
    return [escape(line.removesuffix("\r").expandtabs()) for line in text.removesuffix("\n").split("\n")]


def escape_code(line: str) -> str:
    """A line of source: backslashes stay single, for there they mean what they always do."""
    return "\\".join(escape(part) for part in line.expandtabs().split("\\"))


def escape_bytes(text: str) -> str:
    """For formats that carry control characters safely (JSON): only what is no Unicode text is escaped."""
    if "\\" not in text and not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return "".join(
        _escape_character(character) if character == "\\" or "\ud800" <= character <= "\udfff" else character
        for character in text
    )


def _escape_character(character: str) -> str:
    short = _SHORT.get(character)
    if short is not None:
        return short
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
