"""What `unidbg check` does around the checks: the load, what it leaves behind, what it does not run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import make_samples
from tests.e2e.guests import ROOT, UNIDBG


@pytest.fixture
def place(tmp_path: Path, sample: Callable[[str], Path]) -> Path:
    shutil.copy(sample("crash"), tmp_path)
    return tmp_path


def check(place: Path, *words: str, append: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    run = f'append = "{append}"\nready = "libos: "\n' if append else ""
    (place / "unidbg.toml").write_text(f"[run]\n{run}")
    return subprocess.run(
        [UNIDBG, "check", *words],
        cwd=place,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_load_that_kills_the_guest_is_told_with_what_killed_it(place: Path) -> None:
    """And the run leaves the files of a failure."""
    (place / "load.toml").write_text(
        '[load]\ncommand = "sleep 1; exit 7"\n[growth]\n"heap.count" = {max = 0}\n'
    )
    words = ("crash.elf", "load.toml", "--json", "--artifacts", "left")
    done = check(place, *words, append="crash=assert crash-after=500")
    assert done.returncode == 1, done.stdout + done.stderr
    verdicts = {v["check"]: v for v in json.loads(done.stdout)["data"]["verdicts"]}
    assert verdicts["log-panic"]["outcome"] == "found"
    assert "the load failed with 7" in verdicts["load"]["reason"]
    assert verdicts["growth:heap.count"]["reason"] == "the load failed"
    assert {path.name for path in (place / "left" / "check").glob("*/*")} == {
        *("diagnosis.md", "console.log", "guest.core")
    }
    assert "guest.core" in done.stderr


def test_a_load_that_does_not_end_is_ended(place: Path) -> None:
    text = 'builtin = false\n[conditions]\n"app.name" = "crash"\n'
    load = '[load]\ncommand = "sleep 4711 & wait"\ntimeout = "300 ms"\n'
    (place / "load.toml").write_text(text + load)
    done = check(place, "crash.elf", "load.toml", append="crash=assert crash-after=60000")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "did not end within 0.3 s" in done.stdout
    assert not [c for c in Path("/proc").glob("[0-9]*/cmdline") if b"sleep\x004711" in read(c)]


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_nothing_of_the_projects_own_tests_is_run_or_heeded(place: Path) -> None:
    (place / "conftest.py").write_text("raise SystemExit('the project was run')\n")
    (place / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    done = check(
        place,
        "crash.elf",
        "-k",
        "canary",
        append="x",
        PYTEST_ADDOPTS="--no-such-option",
        PYTEST_PLUGINS="nope",
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a TARGET or an IMAGE"),
        (("build/none.elf",), "there is no file build/none.elf: build it first"),
        (("crash.elf", "-k", "nothing"), "no check matches -k 'nothing'"),
        (("crash.elf", "bad.toml"), "bad.toml:2: no file of checks"),
        (("crash.elf", "whole.toml"), "belongs into unidbg.toml"),
    ],
)
def test_what_is_asked_wrong_is_said(place: Path, words: tuple[str, ...], said: str) -> None:
    (place / "bad.toml").write_text("[conditions]\n= 3\n")
    (place / "whole.toml").write_text("[run]\n[checks]\n")
    done = check(place, *words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr


def test_a_guest_that_is_a_process_is_checked(tmp_path: Path) -> None:
    """It has no QMP, and its memory is part of its image: what nobody uses of it is not searched."""
    make_samples("hosted")
    image = ROOT / "samples" / "build" / "hosted" / "hello.elf"
    done = check(tmp_path, str(image), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    outcomes = {verdict["check"]: verdict["outcome"] for verdict in found["data"]["verdicts"]}
    assert outcomes["heap-leaks"] == outcomes["heap-integrity"] == outcomes["text-changed"] == "ok"
    assert outcomes["writable-executable-pages"] == "unknown"
