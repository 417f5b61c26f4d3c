"""A session as tests want it: values by path, waiting for a condition, findings and growth since it began."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from unidbg.checks.check import CannotTell, Seen
from unidbg.errors import TargetTimeout, UnidbgError
from unidbg.session import Session
from unidbg.views.base import Absent, View
from unidbg.views.findings import Finding

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from unidbg.checks.check import Check
    from unidbg.checks.paths import Value

POLL = 0.02


class NotToBeHad(UnidbgError):
    """A view is absent; the message says why, and what would provide it."""


class GuestSession:
    """Attached to a guest under test. `session` is the whole of it (`unidbg.session.Session`)."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.closed = False
        self._known: dict[str, int] = {}
        self._allocated = self._heap_bytes()

    def view(self, name: str) -> View:
        """A view by its name (`heap`, `rings`, `leaks` ...); NotToBeHad where there is none."""
        found = self.session.views([name]).get(name)
        if found is None:
            from unidbg.checks.paths import READ, near

            close = " or ".join(near(name, list(READ))) or ", ".join(READ)
            raise NotToBeHad(f"there is no view `{name}`; did you mean {close}?")
        if isinstance(found, Absent):
            raise NotToBeHad(f"{name}: {found.reason}; {found.remedy}")
        return found

    def values(self, path: str) -> dict[str, Value]:
        """All values at a JSON path (`rings.*.in_flight`), by their own paths."""
        from unidbg.checks.paths import check_path, values

        whole = check_path(path)
        return dict(values(self.view(whole.partition(".")[0]), whole))

    def value(self, path: str) -> Value:
        """The one value at a JSON path; NotToBeHad where there is none, or more than one."""
        found = self.values(path)
        if len(found) != 1:
            raise NotToBeHad(f"there are {len(found)} values at {path}, not one")
        return next(iter(found.values()))

    def wait_until(
        self, condition: str | Callable[[GuestSession], object], timeout: float = 10.0, **wanted: object
    ) -> None:
        """Until a condition holds: a function of this session, or a path with `min`, `max`, `is`, `not_` or
        `matches`, as in a file of checks. TargetTimeout says what it was in the end.
        """
        __tracebackhide__ = True
        ask = condition if callable(condition) else self._asker(condition, wanted)
        deadline = time.monotonic() + timeout
        while not ask(self):
            if time.monotonic() > deadline:
                shown = condition if isinstance(condition, str) else getattr(condition, "__name__", "it")
                now = f"; {self._now(condition)}" if isinstance(condition, str) else ""
                raise TargetTimeout(f"{shown} did not come true within {timeout:g} s{now}")
            time.sleep(POLL)

    def _asker(self, path: str, wanted: dict[str, object]) -> Callable[[GuestSession], bool]:
        from unidbg.checks.conditions import look, parse

        table = {key.rstrip("_"): value for key, value in wanted.items()}
        made = parse(path, table or {"not": False})
        view = made.path.partition(".")[0]

        def holds(session: GuestSession) -> bool:
            try:
                return not list(look(made, session.session.views([view])[view]))
            except CannotTell:
                return False  # not yet: what cannot be told now may be there later

        return holds

    def _now(self, path: str) -> str:
        """What a path says, or why it says nothing."""
        try:
            return f"now {self.values(path)}"
        except NotToBeHad as error:
            return str(error)

    def findings(self, checks: Sequence[Check] | None = None) -> tuple[Finding, ...]:
        """What the built-in checks (or `checks`) find now, worst first."""
        from unidbg.checks.running import BUILT_IN

        return self.session.examine_with(BUILT_IN if checks is None else checks).findings

    def remember(self) -> None:
        """What the checks find now is known from here on."""
        self._known = {}
        for finding, amount in self._amounts():
            self._known[finding.fingerprint] = self._known.get(finding.fingerprint, 0) + amount

    def _amounts(self) -> Iterator[tuple[Finding, int]]:
        """What the checks find, and how much of it there is: of leaks the blocks, of all else 1."""
        from unidbg.checks.running import BUILT_IN, run, views_needed
        from unidbg.views.forensics import LeaksView

        views = self.session.views(views_needed(BUILT_IN))
        leaks = views.get("leaks")
        for finding in run(Seen(views), BUILT_IN)[0]:
            amount = 1
            if finding.check == "heap-leaks" and isinstance(leaks, LeaksView):
                amount = leaks.groups[int(finding.where.rpartition(".")[2])].count
            yield finding, amount

    def no_new_findings(self, ignore: Sequence[str] = ()) -> None:
        """AssertionError when the checks find what was not there at `remember`, or more blocks of a leak.

        Notes do not count. `ignore` are names of checks.
        """
        __tracebackhide__ = True  # a report shows the test
        left = dict(self._known)
        new = []
        for finding, amount in self._amounts():
            had = left.get(finding.fingerprint, 0)
            left[finding.fingerprint] = had - amount
            if amount > had and finding.severity != "note" and finding.check not in ignore:
                new.append(finding)
        if new:
            raise AssertionError("\n".join(map(_said, new)))

    def heap_growth(self) -> int:
        """Bytes that are allocated now and were not when the session began (negative: fewer)."""
        return self._heap_bytes() - self._allocated

    def _heap_bytes(self) -> int:
        return getattr(self.session.view("heap"), "allocated_bytes", 0)

    def close(self) -> None:
        """Leave the guest as it was. Idempotent."""
        self.closed = True
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _said(finding: Finding) -> str:
    """A finding in a line or two."""
    place = finding.location
    at = f"\n    at {place.symbol} ({place.file}:{place.line})" if place and place.symbol else ""
    return f"{finding.severity}: {finding.check}: {finding.message}{at}\n    do: {finding.remedy}"
