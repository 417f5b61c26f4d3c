"""What the fuzzers have found worth keeping, replayed: no libFuzzer is needed for that."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.stub_host import SANITIZERS, HostBuild

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"


@pytest.mark.parametrize("port", ["", "bare", "full"])
@pytest.mark.parametrize("name", ["line", "commands", "bytecode", "crash"])
def test_the_corpus(build: HostBuild, name: str, port: str) -> None:
    """In a kernel like most, in one that can do next to nothing, and in one that can do everything."""
    corpus = CORPUS / f"{name}.txt"
    done = subprocess.run(
        [build.program.with_name(f"replay-{name}"), corpus],
        env={**os.environ, **SANITIZERS, "UNIDBG_FUZZ_GUEST": str(build.image), "UNIDBG_FUZZ_PORT": port},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(corpus.read_text().split())
