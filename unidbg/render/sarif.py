"""Findings as SARIF 2.1.0, for code scanning. Locations are relative to the repository.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from unidbg import __version__
from unidbg.render.escape import escape_bytes
from unidbg.render.places import Places
from unidbg.views.findings import ChecksView, Finding, Verdict

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
Rule = tuple[str, str, str]
"""(name, text, remedy) of a check."""


def sarif(view: ChecksView, rules: Sequence[Rule], places: Places) -> str:
    """The log. What could not be told is a notification, so that silence is not taken for health."""
    unknown = [verdict for verdict in view.verdicts if verdict.outcome == "unknown"]
    used = {finding.check for finding in view.findings} | {verdict.check for verdict in unknown}
    told = {rule[0]: rule for rule in rules if rule[0] in used}
    told.update({name: (name, name, "") for name in sorted(used - set(told))})
    index = {name: number for number, name in enumerate(told)}
    run = {
        "tool": {
            "driver": {
                "name": "unidbg",
                "version": __version__,
                "rules": [_rule(*rule) for rule in told.values()],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_notification(verdict, index) for verdict in unknown],
            }
        ],
        "results": [_result(finding, index, places) for finding in view.findings],
        "columnKind": "unicodeCodePoints",
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1) + "\n"


def _rule(name: str, text: str, remedy: str) -> dict[str, Any]:
    made: dict[str, Any] = {"id": name, "shortDescription": {"text": text}}
    return {**made, "help": {"text": remedy}} if remedy else made


def _notification(verdict: Verdict, index: Mapping[str, int]) -> dict[str, Any]:
    return {
        "level": "note",
        "message": {"text": escape_bytes(f"{verdict.check} could not tell: {verdict.reason}")},
        "associatedRule": {"id": verdict.check, "index": index[verdict.check]},
    }


def _result(finding: Finding, index: Mapping[str, int], places: Places) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": finding.check,
        "ruleIndex": index[finding.check],
        "level": finding.severity,
        "message": {"text": escape_bytes(f"{finding.message}; {finding.remedy}")},
        "partialFingerprints": {"unidbg/v1": finding.fingerprint},
    }
    place = places.of(finding)
    if place is None:
        return made
    file, line = place
    where = {"artifactLocation": {"uri": quote(file)}, "region": {"startLine": line}}
    return {**made, "locations": [{"physicalLocation": where}]}
