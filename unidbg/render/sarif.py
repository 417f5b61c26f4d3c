"""Findings as SARIF 2.1.0, for code scanning. Locations are relative to the repository.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from unidbg import __version__
from unidbg.render.escape import escape_bytes
from unidbg.views.findings import ChecksView, Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(view: ChecksView, rules: Sequence[tuple[str, str, str]], *, root: str, fallback: str = "") -> str:
    """The log. `rules` are (name, text, remedy); `fallback` is the file to show where no source is known."""
    used = {finding.check for finding in view.findings}
    told = [rule for rule in rules if rule[0] in used]
    told += [(name, name, "") for name in sorted(used - {rule[0] for rule in rules})]
    index = {name: number for number, (name, _, _) in enumerate(told)}
    driver = {
        "name": "unidbg",
        "version": __version__,
        "rules": [_rule(*rule) for rule in told],
    }
    run = {
        "tool": {"driver": driver},
        "results": [_result(finding, index, root, fallback) for finding in view.findings],
        "columnKind": "unicodeCodePoints",
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1) + "\n"


def _rule(name: str, text: str, remedy: str) -> dict[str, Any]:
    made: dict[str, Any] = {"id": name, "shortDescription": {"text": text}}
    return {**made, "help": {"text": remedy}} if remedy else made


def _result(finding: Finding, index: Mapping[str, int], root: str, fallback: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": finding.check,
        "ruleIndex": index[finding.check],
        "level": finding.severity,
        "message": {"text": escape_bytes(f"{finding.message}; {finding.remedy}")},
        "partialFingerprints": {"unidbg/v1": finding.fingerprint},
    }
    place = _place(finding, root, fallback)
    return {**made, "locations": [place]} if place else made


def _place(finding: Finding, root: str, fallback: str) -> dict[str, Any] | None:
    """The source line, else the first line of the check file."""
    file, line = source(finding, root) or ((relative(fallback, root), 1) if fallback else ("", 0))
    if not file:
        return None
    return {"physicalLocation": {"artifactLocation": {"uri": file}, "region": {"startLine": max(line, 1)}}}


def source(finding: Finding, root: str) -> tuple[str, int] | None:
    """File relative to the repository, and line; `None` where it is not known, or lies outside."""
    place = finding.location
    if place is None or place.file is None or place.line is None:
        return None
    path = relative(place.file, root)
    return None if os.path.isabs(path) or path.startswith("..") else (path, place.line)


def relative(path: str, root: str) -> str:
    """A path as the repository has it, with `/`."""
    full = os.path.abspath(os.path.join(root, path))
    return os.path.relpath(full, root).replace(os.sep, "/")
