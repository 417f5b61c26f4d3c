"""The heap of the samples, run on this machine under sanitizers: its numbers add up, mistakes are named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "samples"
FLAGS = ("-std=gnu11", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wall")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("heap") / "heap"
    sources = [str(SAMPLES / "libos" / name) for name in ("heap.c", "pages.c")]
    sources.append(str(SAMPLES.parent / "stubs" / "probes" / "track.c"))
    include = ["-include", str(HERE / "host_cpu.h"), f"-I{SAMPLES}", f"-I{SAMPLES.parent / 'stubs/include'}"]
    command = ["gcc", *FLAGS, *include, "-o", str(made), str(HERE / "heap.c"), *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made


def run(program: Path, *words: str) -> str:
    done = subprocess.run([str(program), *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_numbers_add_up_after_any_mix(program: Path, seed: str) -> None:
    assert run(program, "mix", seed) == "ok"


@pytest.mark.parametrize(
    ("mistake", "reason"),
    [
        ("double", "double free of"),
        ("double-joined", "double free of"),
        ("double-last", "double free of"),
        ("overrun", "something was written behind the 40 bytes at"),
        ("neighbour", "its header was overwritten"),
        ("wild", "is not an allocated block"),
    ],
)
def test_a_mistake_is_named(program: Path, mistake: str, reason: str) -> None:
    said = run(program, mistake)
    assert said.startswith("heap: ")
    assert reason in said
