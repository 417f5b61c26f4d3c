"""Every built-in check on real guests: it fires where something is wrong, is silent where nothing is, and
says so where it cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.checks.cases import CASES, Scene, Views
from tests.e2e.checks.dumps import Dump, make
from unidbg.checks.check import Check, Seen
from unidbg.checks.running import BUILT_IN, run
from unidbg.views.findings import Finding, Verdict

ELAPSED_NS = 10_000_000_000
Stage = Callable[[Scene, Check], tuple[list[Finding], Verdict]]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, sample: Callable[[str], Path]) -> Stage:
    """Holds a check against a scene; each guest is booted when first needed, and once."""
    folder = tmp_path_factory.mktemp("dumps")
    made: dict[str, tuple[Dump, Dump]] = {}

    def look(scene: Scene, check: Check) -> tuple[list[Finding], Verdict]:
        if scene.setting not in made:
            made[scene.setting] = make(scene.setting, folder, sample)
        first, later = made[scene.setting]
        before = None
        dump = first
        if scene.moments == 2:
            before, dump = views(first, check), later
        with dump.planted(scene.pokes):
            seen = Seen(scene.dressed(views(dump, check)), before, elapsed_ns=ELAPSED_NS)
        findings, (verdict,) = run(seen, [check])
        return list(findings), verdict

    return look


def views(dump: Dump, check: Check) -> Views:
    with dump.open() as session:
        return session.views(check.needs)


def test_every_check_has_its_three_scenes() -> None:
    assert set(CASES) == {check.name for check in BUILT_IN}


@pytest.mark.parametrize("check", BUILT_IN, ids=lambda check: check.name)
def test_it_fires(check: Check, stage: Stage) -> None:
    case = CASES[check.name]
    findings, verdict = stage(case.fires, check)
    assert verdict.outcome == "found", verdict
    assert any(case.says in finding.message for finding in findings), findings
    assert all(finding.remedy and finding.fingerprint for finding in findings)


@pytest.mark.parametrize("check", BUILT_IN, ids=lambda check: check.name)
def test_it_does_not_fire(check: Check, stage: Stage) -> None:
    findings, verdict = stage(CASES[check.name].fine, check)
    assert (findings, verdict.outcome) == ([], "ok"), verdict


@pytest.mark.parametrize("check", BUILT_IN, ids=lambda check: check.name)
def test_it_cannot_tell(check: Check, stage: Stage) -> None:
    case = CASES[check.name]
    findings, verdict = stage(case.unknown, check)
    assert (findings, verdict.outcome) == ([], "unknown"), verdict
    assert case.why in verdict.reason
