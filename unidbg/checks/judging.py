"""A whole plan against the views: built-in checks, conditions, growth; less what is suppressed or known."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from unidbg.checks.check import SEVERITIES, CannotTell, Found, Seen
from unidbg.checks.conditions import Condition, look, read, violated
from unidbg.checks.plan import Plan, Suppression
from unidbg.checks.running import fingerprint, run, views_needed
from unidbg.views.base import Absent, View
from unidbg.views.findings import Finding, Verdict

Views = Mapping[str, View | Absent]
_Ask = Callable[[Condition], Iterator[Found]]


class Judgement(NamedTuple):
    """Findings that count, worst first; a verdict for each check and condition."""

    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]


def needed(plan: Plan) -> tuple[str, ...]:
    """The views that a plan looks at."""
    paths = [condition.path.partition(".")[0] for condition in (*plan.conditions, *plan.growth)]
    return tuple(dict.fromkeys((*views_needed(plan.checks), *paths)))


def judge(
    plan: Plan,
    views: Views,
    before: Views | None = None,
    *,
    today: datetime.date | None = None,
    known: Collection[str] = (),
    load_failed: str = "",
    elapsed_ns: int = 0,
) -> Judgement:
    """What is wrong. `known` are fingerprints of a baseline; suppressions that have expired do not count.

    `load_failed` says why the load between the two moments was not what it should be: no growth is told then.
    """
    findings, verdicts = run(Seen(views, before, plan.limits, elapsed_ns), plan.checks)
    made, said = list(findings), list(verdicts)
    if plan.load is not None:
        said.insert(0, Verdict("load", "error", "unknown" if load_failed else "ok", load_failed, 0))
    for condition in plan.conditions:
        _one(made, said, condition, lambda c: look(c, views.get(_view(c))))
    for condition in plan.growth:
        _one(made, said, condition, lambda c: _growth(c, views, before, load_failed), "growth")
    holding = [one for one in plan.suppressions if one.holds(today or datetime.date.today())]
    return _without(made, said, holding, known)


def _view(condition: Condition) -> str:
    return condition.path.partition(".")[0]


def _one(
    made: list[Finding], said: list[Verdict], condition: Condition, ask: _Ask, kind: str = "condition"
) -> None:
    """The findings and the verdict of one condition."""
    name = f"{kind}:{condition.written}"
    try:
        found = list(ask(condition))
    except CannotTell as error:
        said.append(Verdict(name, condition.severity, "unknown", str(error), 0))
        return
    made += [_finding(condition, name, one) for one in found]
    said.append(Verdict(name, condition.severity, "found" if found else "ok", "", len(found)))


def _finding(condition: Condition, name: str, found: Found) -> Finding:
    return Finding(
        check=name,
        severity=condition.severity,
        view=_view(condition),
        where=found.where,
        message=found.message,
        remedy=f"look at `unidbg {_view(condition)}`, or change the condition",
        location=found.location,
        fingerprint=fingerprint(name, found.key),
    )


def _growth(condition: Condition, views: Views, before: Views | None, load_failed: str) -> Iterator[Found]:
    """What grew more than it may between two snapshots."""
    if load_failed:
        raise CannotTell("the load failed")
    if before is None:
        raise CannotTell("growth needs two snapshots: give a load command")
    earlier = dict(read(condition, before.get(_view(condition))))
    for path, value in read(condition, views.get(_view(condition))):
        was = earlier.get(path)
        if isinstance(value, int) and isinstance(was, int) and violated(condition, value - was):
            text = f"{path} went from {was} to {value}: {value - was:+}, {violated(condition, value - was)}"
            yield Found(path.partition(".")[2], text, None, condition.written)


def _without(
    made: list[Finding], said: list[Verdict], suppressions: list[Suppression], known: Collection[str]
) -> Judgement:
    """The findings that are neither suppressed nor known; verdicts say which were."""
    reasons: dict[str, str] = {}
    left: list[Finding] = []
    for finding in made:
        reason = _reason(finding, suppressions, known)
        if reason is None:
            left.append(finding)
        else:
            reasons.setdefault(finding.check, reason)
    counts: dict[str, int] = {}
    for finding in left:
        counts[finding.check] = counts.get(finding.check, 0) + 1
    verdicts = tuple(_verdict(verdict, counts.get(verdict.check, 0), reasons) for verdict in said)
    left.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return Judgement(tuple(left), verdicts)


def _reason(finding: Finding, suppressions: list[Suppression], known: Collection[str]) -> str | None:
    for one in suppressions:
        if one.check == finding.check and (not one.where or one.where == finding.where):
            return f"{one.reason} (until {one.until})" if one.until else one.reason
    return "known in the baseline" if finding.fingerprint in known else None


def _verdict(verdict: Verdict, count: int, reasons: Mapping[str, str]) -> Verdict:
    if verdict.outcome != "found" or count == verdict.findings:
        return verdict
    outcome = "found" if count else "suppressed"
    return Verdict(verdict.check, verdict.severity, outcome, reasons.get(verdict.check, ""), count)
