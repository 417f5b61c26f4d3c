"""Findings as SARIF and as annotations."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.golden.findings import CHECKED
from tests.golden.head import at
from unidbg.render.github import workflow_commands
from unidbg.render.sarif import sarif
from unidbg.views.findings import ChecksView

RULES = [("heap-leaks", "Live blocks to which no pointer leads.", "free them")]


def log(view: ChecksView = CHECKED, fallback: str = "checks.toml") -> dict[str, Any]:
    made = json.loads(sarif(view, RULES, root="/src", fallback=fallback))
    assert made["version"] == "2.1.0"
    run: dict[str, Any] = made["runs"][0]
    return run


def test_sarif_has_relative_locations_and_fingerprints_without_addresses() -> None:
    run = log()
    leak, late = run["results"]
    place = leak["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "samples/httpd/httpd.c"},
        "region": {"startLine": 77},
    }
    assert late["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "checks.toml"
    assert leak["partialFingerprints"] == {"unidbg/v1": "0123456789abcdef"}


def test_rules_are_those_that_found_something() -> None:
    driver = log()["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == ["heap-leaks", "timer-overdue"]


def test_without_a_place_there_is_no_location() -> None:
    outside = replace(CHECKED.findings[0], location=at(1, "f", 0, "/elsewhere/f.c", 3))
    (result,) = log(replace(CHECKED, findings=(outside,)), fallback="")["results"]
    assert "locations" not in result


def test_annotations_are_one_line_each_whatever_the_guest_says() -> None:
    hostile = replace(CHECKED.findings[0], message="a\n::error::b%0A\x1b[2J")
    text = workflow_commands(replace(CHECKED, findings=(hostile, CHECKED.findings[1])), "/src")
    first, second = text.splitlines()
    assert first.startswith("::error file=samples/httpd/httpd.c,line=77,title=unidbg heap-leaks::a")
    assert "\x1b" not in first
    assert second.startswith("::warning title=unidbg timer-overdue::")
