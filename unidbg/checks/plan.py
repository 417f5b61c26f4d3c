"""A file of checks: TOML, or `[checks]` of unidbg.toml. Reading it runs nothing.

builtin = true                        # or a list of names
suppress = [{check = "debug-port-exposed", reason = "lab", until = 2027-01-01}]
[limits]
timer_overdue_ns = "250 ms"
[conditions]
"heap.allocated_bytes" = {max = "1 MiB"}
[growth]
"heap.count" = {max = 0}
[load]
command = "curl -s http://127.0.0.1:8080/"
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from unidbg.checks.check import Check, Limits
from unidbg.checks.conditions import BadCondition, Condition, parse
from unidbg.checks.paths import near
from unidbg.checks.quantities import NoQuantity, quantity
from unidbg.checks.running import BUILT_IN
from unidbg.config import SCHEMA as SECTIONS
from unidbg.errors import ConfigError

KEYS = ("builtin", "suppress", "limits", "conditions", "growth", "load", "baseline")
LOAD_KEYS = ("command", "timeout")


class Suppression(NamedTuple):
    """Findings of a check that are known: why, until when, and where (`""`: all of them)."""

    check: str
    reason: str
    until: datetime.date | None
    where: str = ""

    def holds(self, today: datetime.date) -> bool:
        """Whether it has not expired."""
        return self.until is None or today <= self.until


class Load(NamedTuple):
    """A command that is run between two snapshots, and for how long it may."""

    command: str
    timeout_s: float = 60.0


class Plan(NamedTuple):
    """What is to be checked."""

    checks: Sequence[Check] = BUILT_IN
    conditions: Sequence[Condition] = ()
    growth: Sequence[Condition] = ()
    suppressions: Sequence[Suppression] = ()
    limits: Limits = Limits()
    load: Load | None = None
    baseline: str = ""
    lines: Mapping[str, int] = {}
    """Line in the file of each condition, by the name of its check."""
    path: str = ""

    def names(self) -> list[str]:
        """All checks and conditions, in order; the load first, where there is one."""
        conditions = [f"condition:{one.written}" for one in self.conditions]
        growth = [f"growth:{one.written}" for one in self.growth]
        built_in = [check.name for check in self.checks]
        return [*(["load"] if self.load else []), *built_in, *conditions, *growth]


def read_plan(path: str, data: Mapping[str, object], text: str = "") -> Plan:
    """The plan of a parsed file; ConfigError names file, line and the nearest valid name."""
    reader = _Reader(path, text)
    reader.known(data, KEYS, "")
    conditions = reader.conditions(data, "conditions")
    growth = reader.conditions(data, "growth")
    return Plan(
        checks=reader.checks(data),
        conditions=conditions,
        growth=growth,
        suppressions=reader.suppressions(data),
        limits=reader.limits(data),
        load=reader.load(data),
        baseline=str(data.get("baseline", "")),
        lines={
            f"{kind}:{one.written}": reader.line(one.written, table)
            for kind, table, found in (("condition", "conditions", conditions), ("growth", "growth", growth))
            for one in found
        },
        path=path,
    )


class _Reader:
    """Reads the parts of one file; every error says where."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def line(self, word: str, table: str = "") -> int:
        """The first line that has a word, from 1 on, behind the head of `table`; 0 where none has."""
        whole = re.compile(rf"(?<![\w.-]){re.escape(word)}(?![\w.-])")
        head = re.compile(rf"\s*\[+[\w.]*\b{table}[.\]]|\s*(\w+\.)*{table}\b")
        begin = next((n for n, line in enumerate(self._lines) if head.match(line)), 0) if table else 0
        numbered = list(enumerate(self._lines, 1))
        for number, line in [*numbered[begin:], *numbered[:begin]]:
            if whole.search(line) and not line.lstrip().startswith("#"):
                return number
        return 0

    def error(self, word: object, message: str, table: str = "") -> ConfigError:
        """The message with file and line."""
        line = self.line(str(word), table)
        return ConfigError(f"{self._path}{f':{line}' if line else ''}: {message}")

    def known(self, table: Mapping[str, object], keys: Sequence[str], where: str) -> None:
        """ConfigError for the first key that nobody knows."""
        for key in table:
            if key not in keys:
                close = near(key, list(keys))
                hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(keys)}"
                if not where and key in SECTIONS:
                    hint = "that belongs into unidbg.toml, which is read beside a file of checks"
                raise self.error(key, f"there is no `{where}{key}`; {hint}")

    def table(self, data: Mapping[str, object], key: str) -> Mapping[str, object]:
        """A table of the file, empty where it is not there."""
        found = data.get(key, {})
        if not isinstance(found, Mapping):
            raise self.error(key, f"`{key}` is a table: write [{key}]")
        return found

    def conditions(self, data: Mapping[str, object], key: str) -> tuple[Condition, ...]:
        """All conditions under `key`."""
        made = []
        for written, wanted in _flat(self.table(data, key)):
            try:
                made.append(parse(written, wanted))
            except BadCondition as error:
                word = written if self.line(written, key) else written.rsplit(".", 1)[-1]
                raise self.error(word, f"{written}: {error}", key) from None
        return tuple(made)

    def checks(self, data: Mapping[str, object]) -> tuple[Check, ...]:
        """The built-in checks that are wanted: all, none, or those of a list."""
        wanted = data.get("builtin", True)
        if isinstance(wanted, bool):
            return BUILT_IN if wanted else ()
        if not isinstance(wanted, list):
            raise self.error("builtin", "`builtin` is true, false or a list of names")
        return tuple(self.check(str(name)) for name in wanted)

    def check(self, name: str) -> Check:
        """The built-in check of that name."""
        known = {check.name: check for check in BUILT_IN}
        if name not in known:
            close = near(name, list(known))
            hint = f"did you mean {' or '.join(close)}?" if close else "`unidbg check --list` has them all"
            raise self.error(name, f"there is no check `{name}`; {hint}")
        return known[name]

    def suppressions(self, data: Mapping[str, object]) -> tuple[Suppression, ...]:
        """Each with a reason, and best with an end."""
        found = data.get("suppress", [])
        if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
            raise self.error("suppress", "`suppress` is a list of tables {check, reason, until}")
        return tuple(self._suppression(one) for one in found)

    def _suppression(self, table: Mapping[str, object]) -> Suppression:
        self.known(table, ("check", "reason", "until", "where"), "suppress.")
        name, reason, until = str(table.get("check", "")), str(table.get("reason", "")), table.get("until")
        if not name.startswith("condition:"):
            self.check(name)
        if not reason.strip():
            raise self.error(name, f"the suppression of `{name}` has no reason: say why it is accepted")
        if isinstance(until, datetime.datetime):
            until = until.date()
        if isinstance(until, str):
            try:
                until = datetime.date.fromisoformat(until)
            except ValueError:
                raise self.error(until, f"until = {until!r} is no date; write until = 2027-01-31") from None
        if until is not None and not isinstance(until, datetime.date):
            raise self.error("until", "until is a date; write until = 2027-01-31")
        return Suppression(name, reason, until, str(table.get("where", "")))

    def limits(self, data: Mapping[str, object]) -> Limits:
        """The limits of the built-in checks, where they are not the usual ones."""
        table = self.table(data, "limits")
        self.known(table, Limits._fields, "limits.")
        try:
            return Limits(**{key: quantity(value, key) for key, value in table.items()})
        except NoQuantity as error:
            raise self.error("limits", f"limits: {error}") from None

    def load(self, data: Mapping[str, object]) -> Load | None:
        """The load command."""
        if "load" not in data:
            return None
        table = self.table(data, "load")
        self.known(table, LOAD_KEYS, "load.")
        command = table.get("command")
        if not isinstance(command, str) or not command.strip():
            raise self.error("load", "[load] needs a command")
        try:
            return Load(command, quantity(table.get("timeout", "60 s"), "timeout_ns") / 1e9)
        except NoQuantity as error:
            raise self.error("timeout", f"load.timeout: {error}") from None


def _flat(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Dotted keys that TOML has made nested tables of, as they were written."""
    found: list[tuple[str, object]] = []
    for key, value in table.items():
        nested = (
            isinstance(value, Mapping) and value and all(isinstance(one, Mapping) for one in value.values())
        )
        path = f"{prefix}{key}"
        found += _flat(value, f"{path}.") if nested and isinstance(value, Mapping) else [(path, value)]
    return found
