"""How long `unidbg --version` takes against a Python that imports three small modules."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.harness import Row, commands

UNIDBG = str(Path(sys.executable).with_name("unidbg"))


def run(quick: bool) -> list[Row]:
    """The goal of the house: at most 3x."""
    base = [sys.executable, "-c", "import argparse, struct, mmap"]
    runs = 5 if quick else 21
    return [
        commands(
            "unidbg --version", [UNIDBG, "--version"], base, other="bare Python", goal="<= 3", runs=runs
        ),
    ]
