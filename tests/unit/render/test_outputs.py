"""Findings as SARIF and as annotations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.findings import CHECKED
from tests.golden.head import at
from unidbg.render.github import workflow_commands
from unidbg.render.places import Places, repository
from unidbg.render.sarif import sarif
from unidbg.views.findings import ChecksView

RULES = [("heap-leaks", "Live blocks to which no pointer leads.", "free them")]


def log(view: ChecksView = CHECKED, fallback: str = "checks.toml") -> dict[str, Any]:
    made = json.loads(sarif(view, RULES, Places("/src", fallback=fallback)))
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
    assert [rule["id"] for rule in driver["rules"]] == ["heap-leaks", "canary", "timer-overdue"]


def test_without_a_place_there_is_no_location() -> None:
    outside = replace(CHECKED.findings[0], location=at(1, "f", 0, "/elsewhere/f.c", 3))
    (result,) = log(replace(CHECKED, findings=(outside,)), fallback="")["results"]
    assert "locations" not in result


def test_annotations_are_one_line_each_whatever_the_guest_says() -> None:
    hostile = replace(CHECKED.findings[0], message="a\n::error::b%0A\x1b[2J")
    text = workflow_commands(replace(CHECKED, findings=(hostile, CHECKED.findings[1])), Places("/src"))
    first, second = text.splitlines()
    assert first.startswith("::error file=samples/httpd/httpd.c,line=77,title=unidbg heap-leaks::a")
    assert "\x1b" not in first
    assert second.startswith("::warning title=unidbg timer-overdue::")


SCHEMA = Path(__file__).parents[3] / ".venv" / "schemas" / "sarif-2.1.0.json"
TEXT = st.text(max_size=30)


@given(
    message=TEXT,
    check=TEXT,
    reason=TEXT,
    file=st.sampled_from(["/src/a b/ü%.c", "/x.c", ""]),
    line=st.integers(),
)
def test_sarif_holds_against_its_schema(message: str, check: str, reason: str, file: str, line: int) -> None:
    """That of OASIS, whatever the guest says."""
    jsonschema = pytest.importorskip("jsonschema")
    if not SCHEMA.exists():
        pytest.skip("no .venv/schemas/sarif-2.1.0.json: .ci/schemas.py fetches it")
    finding = replace(
        CHECKED.findings[0], message=message, check=check, location=at(1, "f", 0, file, line), severity="note"
    )
    verdict = replace(CHECKED.verdicts[3], check=check, reason=reason, outcome="unknown")
    view = replace(CHECKED, findings=(finding, *CHECKED.findings), verdicts=(verdict, *CHECKED.verdicts))
    made = json.loads(sarif(view, RULES, Places("/src", fallback="/src/checks.toml")))
    validator = jsonschema.Draft4Validator(json.loads(SCHEMA.read_text()))
    assert [error.message for error in validator.iter_errors(made)] == []
    made["runs"][0]["results"][0]["level"] = "fatal"
    assert list(validator.iter_errors(made))


def test_a_condition_is_shown_where_it_is_written() -> None:
    finding = replace(CHECKED.findings[0], check="condition:heap.count", location=None)
    places = Places("/src", declared={"condition:heap.count": ("/src/ci/checks.toml", 7)}, fallback="/src/x")
    assert places.of(finding) == ("ci/checks.toml", 7)
    assert places.of(replace(finding, check="canary")) == ("x", 1)


def test_a_file_that_was_built_elsewhere_is_shown_where_it_is_here() -> None:
    finding = replace(CHECKED.findings[0], location=at(1, "f", 0, "/build/app/main.c", 3))
    places = Places("/src", find=lambda file: "/src/app/main.c" if file == "/build/app/main.c" else None)
    assert places.of(finding) == ("app/main.c", 3)


def test_the_repository_is_the_folder_above_that_git_knows(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "a" / ".git").write_text("gitdir: elsewhere")
    assert repository(str(below)) == str(tmp_path / "a")
