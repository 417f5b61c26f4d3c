"""Builds the samples once, also when several workers start at the same time."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.samples.guest import Guest, Options

SAMPLES = Path(__file__).parents[3] / "samples"
Boot = Callable[..., Guest]


@pytest.fixture(scope="session")
def build() -> Path:
    """The folder with NAME.elf."""
    (SAMPLES / "build").mkdir(exist_ok=True)
    with (SAMPLES / "build" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(["make", "-C", str(SAMPLES)], capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
    return SAMPLES / "build" / "x86_64"


@pytest.fixture(params=["q35", "microvm"])
def machine(request: pytest.FixtureRequest) -> str:
    """Each machine that the samples run on."""
    name = request.param
    assert isinstance(name, str)
    return name


@pytest.fixture
def boot(build: Path, machine: str) -> Iterator[Boot]:
    """Boots a sample by name on `machine`: `boot("hello", "log=quiet", memory="32M")`."""
    guests: list[Guest] = []

    def start(name: str, append: str = "", **options: Any) -> Guest:
        guests.append(Guest(build / f"{name}.elf", machine, Options(append, **options)))
        return guests[-1]

    yield start
    for guest in guests:
        guest.close()
