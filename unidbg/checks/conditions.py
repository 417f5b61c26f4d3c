"""Conditions over views: a path, and what its values must be.

"heap.allocated_bytes" = {max = "1 MiB"}
"rings.*.stuck" = false
"app.name" = "httpd"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from unidbg.checks.check import CannotTell, Found, covers
from unidbg.checks.paths import BadPath, Value, check_path, values
from unidbg.checks.quantities import NoQuantity, quantity
from unidbg.views.base import Absent, View

KEYS = ("min", "max", "is", "not", "matches", "severity")


class Condition(NamedTuple):
    """`path` is complete; `written` as the user wrote it. What is `None` is not asked for."""

    path: str
    written: str
    minimum: int | None = None
    maximum: int | None = None
    equal: Value = None
    unequal: Value = None
    pattern: str | None = None
    severity: str = "error"


class BadCondition(ValueError):
    """A condition that means nothing; the message names what is wrong with it."""


def parse(written: str, wanted: object) -> Condition:
    """A condition of a file. BadCondition with the nearest valid name where there is one."""
    try:
        path = check_path(written)
        if not isinstance(wanted, Mapping):
            return Condition(path, written, equal=_plain(wanted, path))
        unknown = next((key for key in wanted if key not in KEYS), None)
        if unknown is not None:
            raise BadCondition(f"`{unknown}` is no condition; known: {', '.join(KEYS)}")
        if not set(wanted) - {"severity"}:
            raise BadCondition(f"nothing is asked of it; give one of {', '.join(KEYS[:-1])}")
        return _from_table(path, written, wanted)
    except (BadPath, NoQuantity) as error:
        raise BadCondition(str(error)) from None


def _from_table(path: str, written: str, wanted: Mapping[str, object]) -> Condition:
    pattern, severity = wanted.get("matches"), wanted.get("severity", "error")
    if pattern is not None:
        _compile(pattern)
    if severity not in ("error", "warning", "note"):
        raise BadCondition(f"severity is error, warning or note, not {severity!r}")
    return Condition(
        path,
        written,
        minimum=quantity(wanted["min"], path) if "min" in wanted else None,
        maximum=quantity(wanted["max"], path) if "max" in wanted else None,
        equal=_plain(wanted["is"], path) if "is" in wanted else None,
        unequal=_plain(wanted["not"], path) if "not" in wanted else None,
        pattern=str(pattern) if pattern is not None else None,
        severity=str(severity),
    )


def _compile(pattern: object) -> None:
    try:
        re.compile(str(pattern))
    except re.error as error:
        raise BadCondition(f"matches = {pattern!r} is no regular expression: {error}") from None


def _plain(value: object, path: str) -> Value:
    if isinstance(value, bool | int):
        return value
    if not isinstance(value, str):
        raise BadCondition(f"{value!r} is neither a text, a number nor true or false")
    name = path.rsplit(".", 1)[-1]
    return quantity(value, path) if name.endswith(("_bytes", "_ns")) or name == "bytes" else value


def look(condition: Condition, view: View | Absent | None) -> Iterator[Found]:
    """What does not hold; CannotTell as `read`."""
    for path, value in read(condition, view):
        broken = violated(condition, value)
        if broken:
            yield Found(
                path.partition(".")[2], f"{path} is {_shown(value)}, {broken}", None, condition.written
            )


def read(condition: Condition, view: View | Absent | None) -> list[tuple[str, Value]]:
    """(path, value) of all that is asked about. CannotTell where the view is absent, damaged there, or has
    nothing at a path without `*`.
    """
    if isinstance(view, Absent):
        raise CannotTell(view.reason)
    if view is None:
        raise CannotTell(f"the view `{condition.path.partition('.')[0]}` was not read")
    inside = condition.path.partition(".")[2]
    for fault in view.faults:
        if covers(inside, fault.where) or covers(fault.where.replace("[", ".").replace("]", ""), inside):
            raise CannotTell(f"{fault.where}: {fault.reason}")
    found = list(values(view, condition.path))
    if not found and "*" not in condition.path.split("."):
        raise CannotTell(f"there is nothing at {condition.written}")
    return found


def violated(condition: Condition, value: Value) -> str:
    """Why a value does not hold, `""` where it does."""
    if condition.minimum is not None or condition.maximum is not None:
        if isinstance(value, bool) or not isinstance(value, int):
            return "which is no number"
        if condition.minimum is not None and value < condition.minimum:
            return f"less than {condition.minimum}"
        if condition.maximum is not None and value > condition.maximum:
            return f"more than {condition.maximum}"
    if condition.equal is not None and not _same(value, condition.equal):
        return f"not {_shown(condition.equal)}"
    if condition.unequal is not None and _same(value, condition.unequal):
        return "which it must not be"
    if condition.pattern is not None and not re.search(condition.pattern, str(value)):
        return f"which does not match {condition.pattern!r}"
    return ""


def _same(value: Value, wanted: Value) -> bool:
    """`true` and `false` also ask whether a text or a count is there at all."""
    return bool(value) is wanted if isinstance(wanted, bool) else value == wanted and value is not True


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
