"""Our own samples are checked as users check theirs: by `unidbg check` and the unidbg.toml beside each."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.guests import ROOT, UNIDBG

CHECKED = sorted(
    path.parent.name for path in (ROOT / "samples").glob("*/unidbg.toml") if path.parent.name != "ci"
)


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    words = [UNIDBG, "check", "--json"]
    return subprocess.run(
        words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_these_are_checked() -> None:
    assert CHECKED == ["hello", "httpd"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CHECKED)
def test_a_sample_passes_its_checks(name: str, sample: Callable[[str], Path]) -> None:
    sample(name)
    done = check(ROOT / "samples" / name)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = {
        verdict["check"]: verdict["outcome"] for verdict in json.loads(done.stdout)["data"]["verdicts"]
    }
    assert {name: said for name, said in outcomes.items() if ":" in name and said != "ok"} == {}
    assert outcomes["loop-starved"] == outcomes["heap-leaks"] == outcomes["text-changed"] == "ok"


def test_a_budget_that_is_exceeded_fails(tmp_path: Path, sample: Callable[[str], Path]) -> None:
    shutil.copy(sample("httpd"), tmp_path)
    text = (ROOT / "samples" / "httpd" / "unidbg.toml").read_text()
    text = text.replace("../build/x86_64/", "").replace("min = 100", "min = 100_000")
    (tmp_path / "unidbg.toml").write_text(text)
    done = check(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    (finding,) = (f for f in json.loads(done.stdout)["data"]["findings"] if f["severity"] == "error")
    assert finding["check"] == "growth:net.protocols.tcp.received"
    assert "less than 100000" in finding["message"]
