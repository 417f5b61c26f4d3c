"""Splits a C-like expression into tokens."""

from __future__ import annotations

import re
from typing import NamedTuple

from unidbg.errors import SymbolError

MAX_EXPRESSION = 4096
PATTERN = re.compile(
    r"""\s*(?:
      (?P<number>0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+(?:\.[0-9]+)?)(?:[uUlL]{0,3})(?![A-Za-z0-9_.])
    | (?P<register>\$[A-Za-z_][A-Za-z0-9_]*)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_~][A-Za-z0-9_]*)*)
    | (?P<character>'(?:\\x[0-9a-fA-F]{1,2}|\\.|[^'\\])')
    | (?P<file>'[^']+')\s*(?=::)
    | (?P<operator>->|<<|>>|<=|>=|==|!=|&&|\|\||::|[-+*/%&|^~!<>()\[\].,])
    )""",
    re.VERBOSE,
)


class ExpressionError(SymbolError):
    """An expression that means nothing; the message shows where."""


class Token(NamedTuple):
    """`kind` is a group of `PATTERN`, or `end`; `at` is the index in the text."""

    kind: str
    text: str
    at: int


def tokenize(text: str) -> list[Token]:
    """The tokens of `text` with an `end` behind them; ExpressionError at the first that is none."""
    if len(text) > MAX_EXPRESSION:
        raise ExpressionError(f"the expression is longer than {MAX_EXPRESSION} characters")
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = PATTERN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ExpressionError(f"`{text[at:].strip()}` is not understood in `{text}`")
        tokens.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return [*tokens, Token("end", "", end)]
