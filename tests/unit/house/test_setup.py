"""The set-up scripts, on systems that are made of a few false commands."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
REAL = ["bash", "cat", "cmp", "cut", "dirname", "env", "find", "grep", "head", "id", "python3", "sed"]
"""What the scripts use of the system and every Debian has (python3 stands for one that is supported)."""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A repository with the scripts alone, and a folder `bin` with the few commands that there are."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "bin").mkdir()
    for name in REAL:
        found = shutil.which(name)
        assert found is not None, name
        (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


def command(system: Path, name: str, script: str) -> None:
    """Add a command, or put one in the place of the real one."""
    path = system / "bin" / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!{shutil.which('bash')}\n{script}\n")
    path.chmod(0o755)


def set_up(system: Path, what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [system / ".ci" / "setup", what],
        env={"PATH": str(system / "bin"), "HOME": str(system), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_continuous_integration_runs_make_test_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "set -euo pipefail",
        'cd "$(dirname "$0")/.."',
        "exec make test",
    ]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("what", ["demo", "test"])
def test_without_rights_the_line_to_run_is_printed(system: Path, what: str) -> None:
    command(system, "id", "echo 1000")
    command(system, "apt-get", "echo must not run; exit 99")
    done = set_up(system, what)
    assert done.returncode == 1
    assert (
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends qemu-system-x86 gcc"
        in done.stderr
    )
    assert "must not run" not in done.stdout


def test_without_apt_the_packages_are_named(system: Path) -> None:
    done = set_up(system, "demo")
    assert done.returncode == 1
    assert "no apt-get" in done.stderr
    assert "qemu-system-x86" in done.stderr


def test_root_installs_what_is_missing(system: Path) -> None:
    command(system, "id", "echo 0")
    command(system, "apt-get", 'echo "$DEBIAN_FRONTEND apt-get $*"; exit 1')
    done = set_up(system, "demo")
    assert done.returncode == 1
    assert "noninteractive apt-get install -y -q --no-install-recommends qemu-system-x86 gcc" in done.stdout
    assert "apt-get failed" in done.stderr


def test_an_old_python_is_not_taken(system: Path) -> None:
    for name in ("qemu-system-x86_64", "gcc", "objcopy", "make"):
        command(system, name, "exit 0")
    command(system, "python3", "exit 1")
    command(system, "id", "echo 0")
    command(system, "apt-get", "exit 0")
    done = set_up(system, "demo")
    assert done.returncode == 1
    assert "Python 3.11 or later" in done.stderr
    assert "make demo PYTHON=" in done.stderr


def test_a_word_that_is_neither_is_refused(system: Path) -> None:
    done = set_up(system, "everything")
    assert done.returncode == 1
    assert "usage: .ci/setup demo|test" in done.stderr
