"""The shape of the repository: what lies at its top, licences, and sizes that a reader can hold in mind."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]

TOP = frozenset(
    [
        ".ci",
        ".clang-format",
        ".clang-tidy",
        ".gitignore",
        ".pre-commit-config.yaml",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "SECURITY.md",
        "docs",
        "pyproject.toml",
        "requirements.lock",
        "samples",
        "stubs",
        "symbols",
        "tests",
        "tui",
        "unidbg",
    ]
)
LINES_OF_FUNCTION = 60
LINES_OF_FILE = 400
LINES_OF_TEST_FILE = 600
PROBE = "SPDX-License-Identifier: BSD-3-Clause"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tracked() -> list[Path]:
    """Every file that git knows, relative to the root; skips where there is no git."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    paths = [Path(name) for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if (ROOT / path).exists()]


def sources(*suffixes: str) -> list[Path]:
    return [path for path in tracked() if path.suffix in suffixes]


def test_the_top_level_holds_only_what_belongs_there() -> None:
    assert {path.parts[0] for path in tracked()} == TOP


def test_every_source_of_the_guest_names_its_licence() -> None:
    guest = [path for path in sources(".c", ".h", ".S", ".ld") if path.parts[0] in ("stubs", "samples")]
    assert guest
    assert [path for path in guest if PROBE not in first_lines(path)] == []


def first_lines(path: Path) -> str:
    return "\n".join((ROOT / path).read_text().splitlines()[:3])


def test_files_are_of_a_size_that_can_be_read() -> None:
    long = {}
    for path in sources(".py", ".c", ".h", ".S"):
        allowed = LINES_OF_TEST_FILE if path.parts[0] == "tests" else LINES_OF_FILE
        lines = len((ROOT / path).read_text().splitlines())
        if lines > allowed:
            long[str(path)] = lines
    assert long == {}


def functions() -> Iterator[tuple[Path, Function]]:
    for path in sources(".py"):
        for node in ast.walk(ast.parse((ROOT / path).read_text(), path.name)):
            if isinstance(node, Function):
                yield path, node


def test_functions_are_of_a_size_that_can_be_read() -> None:
    lengths = {f"{path}:{node.lineno} {node.name}": length(node) for path, node in functions()}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_OF_FUNCTION} == {}


def test_the_median_function_is_short() -> None:
    lengths = sorted(length(node) for path, node in functions() if path.parts[0] != "tests")
    assert lengths[len(lengths) // 2] <= 11


def length(node: Function) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path)
        for path in sources(".py")
        if (ROOT / path).read_text().strip()
        and ast.get_docstring(ast.parse((ROOT / path).read_text())) is None
    ]
    assert silent == []


def test_nothing_is_left_to_do() -> None:
    left = re.compile(rb"\b(" + rb"TO" + rb"DO|FIX" + rb"ME|XX" + rb"X)\b")
    assert [str(path) for path in tracked() if left.search((ROOT / path).read_bytes())] == []


def test_the_lock_holds_every_dependency_and_no_address() -> None:
    project = toml()["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    lock = (ROOT / "requirements.lock").read_text()
    locked = set(re.findall(r"^([a-z0-9.-]+)==", lock, re.MULTILINE))
    names = {re.split(r"[\[><=]", entry)[0].lower() for entry in wanted}
    assert names - locked == set()
    assert "://" not in lock


def test_every_dependency_has_a_lower_bound_alone() -> None:
    project = toml()["project"]
    for entry in project["dependencies"] + project["optional-dependencies"]["dev"]:
        assert re.fullmatch(r"[a-z0-9-]+(\[[a-z]+\])?>=[0-9.]+", entry), entry


def test_the_wheel_holds_three_packages_and_the_stub() -> None:
    wheel = toml()["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["unidbg", "symbols/unidbg_symbols", "tui/unidbg_tui"]
    assert wheel["shared-data"] == {
        "stubs": "share/unidbg/stubs",
        "docs/porting.md": "share/unidbg/docs/porting.md",
        "docs/abi.md": "share/unidbg/docs/abi.md",
    }
    assert all((ROOT / package / "py.typed").exists() for package in wheel["packages"])


@cache
def toml() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())
