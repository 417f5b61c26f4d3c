"""The files for CI that users copy are what GitHub and GitLab take them for, and say what docs/ci.md says."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
READY = ROOT / "samples" / "ci"
SCHEMAS = {
    "vendor.github-workflows": READY / ".github" / "workflows" / "unikernel.yml",
    "vendor.gitlab-ci": READY / ".gitlab-ci.yml",
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_file_holds_against_the_schema_of_its_service(schema: str) -> None:
    pytest.importorskip("check_jsonschema")
    words = ["--builtin-schema", schema, str(SCHEMAS[schema])]
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SCHEMAS.values(), ids=lambda path: path.name)
def test_what_they_install_and_run_is_there(path: Path) -> None:
    text = path.read_text()
    for words in (
        "qemu-system-x86",
        "curl",
        "pip install unidbg",
        "unidbg check build/httpd.elf",
        "pytest tests",
    ):
        assert words in text, words


def test_the_configuration_is_what_unidbg_reads() -> None:
    from unidbg.checks.plan import read_plan

    text = (READY / "unidbg.toml").read_text()
    data = tomllib.loads(text)
    plan = read_plan("unidbg.toml", data["checks"], text)
    assert plan.load is not None
    assert all(plan.lines.values())
