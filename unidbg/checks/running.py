"""Running checks: each one's findings, and a verdict for each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from unidbg.checks import heap, memory, network, progress, security
from unidbg.checks.check import SEVERITIES, CannotTell, Check, Found, Seen
from unidbg.views.findings import Finding, Verdict

BUILT_IN: tuple[Check, ...] = (
    *memory.CHECKS,
    *security.CHECKS,
    *heap.CHECKS,
    *network.CHECKS,
    *progress.CHECKS,
)
"""All of them, in the order in which `check --list` shows them."""

Result = tuple[tuple[Finding, ...], tuple[Verdict, ...]]


def run(seen: Seen, checks: Sequence[Check] = BUILT_IN) -> Result:
    """(findings, worst first; verdicts in the order of the checks)."""
    findings: list[Finding] = []
    verdicts: list[Verdict] = []
    for check in checks:
        made, verdict = _run(check, seen)
        findings += made
        verdicts.append(verdict)
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return tuple(findings), tuple(verdicts)


def views_needed(checks: Sequence[Check] = BUILT_IN) -> tuple[str, ...]:
    """The views that the checks look at."""
    return tuple(dict.fromkeys(name for check in checks for name in check.needs))


def _run(check: Check, seen: Seen) -> tuple[list[Finding], Verdict]:
    found: list[Found] = []
    try:
        for one in check.look(seen):
            found.append(one)
    except CannotTell as error:
        if not found:  # what was found before is not less true for what cannot be told
            return [], Verdict(check.name, check.severity, "unknown", str(error), 0)
    made = [_finding(check, one) for one in found]
    return made, Verdict(check.name, check.severity, "found" if made else "ok", "", len(made))


def _finding(check: Check, found: Found) -> Finding:
    return Finding(
        check=check.name,
        severity=check.severity,
        view=check.needs[0],
        where=found.where,
        message=found.message,
        remedy=check.remedy,
        location=found.location,
        fingerprint=fingerprint(check.name, found.key or found.where),
    )


def fingerprint(check: str, key: str) -> str:
    """Sixteen hexadecimal digits that name a finding in the next run too."""
    return hashlib.sha256(f"{check}\0{key}".encode(errors="surrogateescape")).hexdigest()[:16]
