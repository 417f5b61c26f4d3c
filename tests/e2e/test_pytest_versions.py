"""The plugin and `unidbg check` with the oldest pytest that we allow, and with the next major version."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_checks import TESTS

VERSIONS = ("8.0.*", "9.*")


@pytest.mark.long
@pytest.mark.parametrize("version", VERSIONS)
def test_with_another_pytest(version: str, tmp_path: Path, sample: Callable[[str], Path]) -> None:
    packages = tmp_path / "packages"
    words = ["-m", "pip", "install", "--quiet", "--target", str(packages), f"pytest=={version}"]
    if subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode:
        pytest.skip(f"pytest {version} cannot be had here")
    where = f'[run]\nimage = "{sample("httpd")}"\nforward = ["80"]\nready = "port:80"\n'
    (tmp_path / "unidbg.toml").write_text(where)
    (tmp_path / "test_httpd.py").write_text(TESTS)

    def run(*words: str) -> str:
        path = {**os.environ, "PYTHONPATH": str(packages), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env=path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    plugins = ("-p", "xdist.plugin", "-p", "unidbg.testing.plugin", "-p", "no:cacheprovider")
    assert version.removesuffix("*") in run("pytest", "--version")
    said = run("pytest", *plugins, "-n", "2", "test_httpd.py")
    assert "5 passed" in said, said
    assert "1 failed" in said
    assert list(tmp_path.glob("unidbg-artifacts/*is_sick*/*/guest.core"))
    assert "2 passed" in run("pytest", *plugins, "-k", "serves and (1 or 2)", "test_httpd.py")
    assert "log-panic PASSED" in run("unidbg", "check", str(sample("httpd")), "-v")
