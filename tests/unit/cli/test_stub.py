"""`unidbg stub copy` and `unidbg stub build`, from the tree; tests/e2e has them from a wheel."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.golden.conftest import Runner
from tests.unit.cli.test_start import completions
from unidbg.cli.kit import building, copying, sources

COPY, BUILD = copying.copy, building.build

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


@pytest.fixture(autouse=True)
def really(monkeypatch: pytest.MonkeyPatch, unidbg: Runner) -> None:
    """Not what the golden transcripts have in their place."""
    monkeypatch.setattr(copying, "copy", COPY)
    monkeypatch.setattr(building, "build", BUILD)


def test_the_copy_builds_by_itself(unidbg: Runner, tmp_path: Path) -> None:
    ran = unidbg("stub", "copy", "kit", "--json")
    assert (ran.code, ran.err) == (0, "")
    listed = {file["path"] for file in json.loads(ran.out)["data"]["files"]}
    assert listed == {
        path.relative_to(tmp_path / "kit").as_posix()
        for path in (tmp_path / "kit").rglob("*")
        if path.is_file()
    }
    assert {"Makefile", "PORTING.md", "ABI.md", "include/unidbg/port.h", "core/stub.c"} <= listed
    made = subprocess.run(["make", "-C", tmp_path / "kit", "-j2"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "kit/build/x86_64/unidbg.o").exists()


def test_links_of_the_pages_lead_to_what_is_there(unidbg: Runner, tmp_path: Path) -> None:
    assert unidbg("stub", "copy", "kit").code == 0
    page = (tmp_path / "kit/PORTING.md").read_text()
    assert "](ABI.md" in page
    assert "](abi.md" not in page


def test_what_the_user_has_changed_is_not_overwritten(unidbg: Runner, tmp_path: Path) -> None:
    mine = tmp_path / "kit/core/stub.c"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    (tmp_path / "kit/own.c").touch()
    ran = unidbg("stub", "copy", "kit")
    assert ran.code == 2
    assert "kit/core/stub.c is there and differs" in ran.err
    assert "--force" in ran.err
    assert not (tmp_path / "kit/Makefile").exists()
    assert mine.read_text() == "mine"
    assert unidbg("stub", "copy", "kit", "--force").code == 0
    assert mine.read_bytes() == (ROOT / "stubs/core/stub.c").read_bytes()
    assert (tmp_path / "kit/own.c").exists()
    assert unidbg("stub", "copy", "kit").code == 0, "the same again is no conflict"


@pytest.mark.parametrize("name", ["x86_64", "amd64"])
def test_objects_and_headers(unidbg: Runner, tmp_path: Path, name: str) -> None:
    ran = unidbg("stub", "build", name, "--output", "out")
    assert (ran.code, ran.err) == (0, "")
    assert "out/unidbg.o out/entry.o out/note.o" in ran.out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "unidbg.o",
        "entry.o",
        "note.o",
        "crash.o",
        "track.o",
        "include",
    }
    assert (tmp_path / "out/include/unidbg/stub.h").exists()
    undefined = subprocess.run(
        ["nm", "--undefined-only", tmp_path / "out/unidbg.o"], capture_output=True, text=True, check=True
    )
    assert undefined.stdout.strip() == ""


def test_less_is_smaller(unidbg: Runner, tmp_path: Path) -> None:
    def size(*options: str) -> int:
        ran = unidbg("stub", "build", "x86_64", "--output", "out", "--json", *options)
        assert ran.code == 0, ran.err
        files = {file["path"]: file for file in json.loads(ran.out)["data"]["files"]}
        return int(files["unidbg.o"]["loaded_bytes"])

    minimal, observing, less = size("--minimal"), size("--observe"), size("--without", "trace")
    assert minimal < observing < less < size()
    ran = unidbg("stub", "build", "x86_64", "--without", "everything")
    assert ran.code == 2
    assert "no feature 'everything' to leave out: trace, agent" in ran.err


def test_an_architecture_that_there_is_no_stub_for(unidbg: Runner) -> None:
    ran = unidbg("stub", "build", "mips")
    assert ran.code == 2
    assert "there is no stub for mips; there is one for: x86_64" in ran.err


def test_a_compiler_that_is_not_there(unidbg: Runner) -> None:
    ran = unidbg("stub", "build", "x86_64", "--cc", "no-such-compiler")
    assert ran.code == 2
    assert "there is no no-such-compiler here" in ran.err
    assert "apt install" in ran.err


def test_a_compiler_that_fails(unidbg: Runner, tmp_path: Path) -> None:
    ran = unidbg("stub", "build", "x86_64", "--cc", "false")
    assert ran.code == 2
    assert "could not be built with false" in ran.err
    assert not (tmp_path / "unidbg-x86_64").exists()


def test_an_installation_without_sources(unidbg: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.home.cache_clear()
    monkeypatch.setattr(sources, "_places", lambda: iter(()))
    try:
        ran = unidbg("stub", "copy", "kit")
    finally:
        sources.home.cache_clear()
    assert ran.code == 2
    assert "no sources of the stub" in ran.err


def test_architectures_are_completed() -> None:
    assert completions("unidbg stub build x", 3) == ["x86_64"]
