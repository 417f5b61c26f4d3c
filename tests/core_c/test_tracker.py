"""The allocation tracker on this machine, under sanitizers, against a list that is searched."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.stub_host import STUBS

FLAGS = ("-std=gnu11", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wall")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("track") / "track"
    sources = [str(Path(__file__).parent / "track.c"), str(STUBS / "probes" / "track.c")]
    command = ["gcc", *FLAGS, f"-I{STUBS}/include", "-o", str(made), *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.parametrize("words", ["mix 1", "mix 2", "mix 3", "full", "sites", "odd"])
def test_it_knows_who_has_what(program: Path, words: str) -> None:
    done = subprocess.run([program, *words.split()], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.returncode) == ("ok\n", 0), done.stdout + done.stderr
