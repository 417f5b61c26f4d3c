"""The client imports, and its pure tests pass, where Linux's modules and system calls are missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PURE = ("symbols", "program", "structures", "views", "render", "checks", "rsp", "mi", "config")
"""Folders of tests/unit that test what does no input or output."""

PLUGINS = ("-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin")
"""Those that our tests need. The others are left out: some import termios for themselves."""


@pytest.mark.timeout(300)
def test_client_imports_and_pure_tests_pass_without_linux() -> None:
    done = run_elsewhere(*(path for path in folders() if path.is_dir()))
    assert done.returncode == 0, done.stdout[-8000:]
    modules = re.search(r"imported (\d+) modules", done.stdout)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert modules is not None
    assert int(modules[1]) > 50, "the walk over the packages found next to nothing"
    assert passed is not None
    assert int(passed[1]) > 100, "the folders of pure tests are nearly empty"


def folders() -> list[Path]:
    return [ROOT / "tests" / "unit" / name for name in PURE]


def run_elsewhere(*paths: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    options = ("-q", "-o", "addopts=--strict-markers", *PLUGINS)
    return subprocess.run(
        [sys.executable, Path(__file__).with_name("elsewhere.py"), *options, *paths],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
    )
