"""The filter of `/`: a regular expression, inverted by a leading `!`. A capital makes it mind the case."""

from __future__ import annotations

import re
from dataclasses import dataclass


class PatternError(ValueError):
    """Not a regular expression; the message says where it breaks."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`text` as typed; an empty one lets everything through."""

    text: str = ""
    expression: re.Pattern[str] | None = None
    inverse: bool = False

    def admits(self, text: str) -> bool:
        """Whether a row or line with `text` is shown."""
        if self.expression is None:
            return True
        return (self.expression.search(text) is None) is self.inverse

    def matches(self, text: str) -> list[tuple[int, int]]:
        """Where `text` matches, as (start, end) in characters. Empty for an inverse pattern."""
        if self.expression is None or self.inverse:
            return []
        return [found.span() for found in self.expression.finditer(text) if found.end() > found.start()]


def compile_pattern(text: str) -> Pattern:
    """The pattern for what was typed. Raises `PatternError`."""
    inverse = text.startswith("!")
    body = text[1:] if inverse else text
    if not body:
        return Pattern()
    flags = 0 if any(character.isupper() for character in body) else re.IGNORECASE
    try:
        return Pattern(text, re.compile(body, flags), inverse)
    except re.error as error:
        raise PatternError(f"not a regular expression: {error}") from error
