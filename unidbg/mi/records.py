"""The records of GDB/MI. Source: GDB manual, "GDB/MI Output Syntax".

The syntax is pygdbmi's business, for lines that are well-formed: on some others its parser does not end,
and a program's own output can look like anything. So the shape of a line is checked first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"')
_INNERMOST = re.compile(r"\{(?:NAME=V(?:,NAME=V)*)?\}|\[(?:(?:NAME=V|V)(?:,(?:NAME=V|V))*)?\]")
_NAME = re.compile(r"[\w-]+(?==)")
_RECORD = re.compile(r"\d*[\^*=+][\w-]+(?:,NAME=V)*|[~@&]V|\(gdb\) *")
MAX_NESTING = 200


@dataclass(frozen=True, slots=True)
class Result:
    """`^done`, `^running`, `^error` ...: the answer to the command with this token."""

    token: int | None
    word: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> str | None:
        """What gdb says if the command failed, `None` if it did not."""
        return str(self.values.get("msg", "unknown error")) if self.word == "error" else None


@dataclass(frozen=True, slots=True)
class Notice:
    """`*stopped`, `=thread-created` ...: something happened."""

    word: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Output:
    """Text: `kind` is `console`, `log`, `target`, or `other` for what is no MI (the program's own output)."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """`(gdb)`: it waits for the next command."""


Record = Result | Notice | Output | Prompt


def parse_record(line: str) -> Record:
    """One line of gdb's output, without its end. What is not MI is `Output` of kind `other`."""
    if not _is_well_formed(line):
        return Output("other", line)
    from pygdbmi.gdbmiparser import parse_response

    try:
        raw = parse_response(line)
    except (ValueError, TypeError):  # an impossible escape in a string
        return Output("other", line)
    kind, payload = raw["type"], raw["payload"]
    values = payload if isinstance(payload, dict) else {}
    if kind == "result":
        return Result(raw.get("token"), str(raw["message"]), values)
    if kind == "notify":
        return Notice(str(raw["message"]), values)
    if kind == "done":
        return Prompt()
    return Output("other" if kind == "output" else kind, str(payload or ""))


def _is_well_formed(line: str) -> bool:
    """Whether a line is a record: strings, tuples and lists are replaced by V, innermost first."""
    shape = _NAME.sub("NAME", _STRING.sub("V", line))
    for _ in range(MAX_NESTING):
        shape, replaced = _INNERMOST.subn("V", shape)
        if not replaced:
            break
    return _RECORD.fullmatch(shape) is not None
