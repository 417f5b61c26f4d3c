"""What the command line loads before it knows what is wanted, and how the library loads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = [
    "asyncio",
    "capstone",
    "concurrent.futures",
    "elftools",
    "importlib.metadata",
    "logging",
    "multiprocessing",
    "numpy",
    "pygdbmi",
    "pytest",
    "rich",
    "textual",
    "unidbg_tui",
]
"""Each costs tens of milliseconds. What needs one imports it where it is used."""


def loaded_by(statement: str) -> set[str]:
    """The heavy modules that are loaded after `statement`, in a fresh interpreter."""
    program = f"import json, sys\n{statement}\nprint()\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    return modules & set(HEAVY)


@pytest.mark.parametrize(
    "statement",
    [
        "import unidbg",
        "import unidbg.views",
        "import unidbg.errors",
        "import unidbg.cli",
        "from unidbg.cli.running import run; run(['--version'])",
        "from unidbg.cli.running import run; run(['--help'])",
        "from unidbg.cli.running import run; run(['heap', '--help'])",
        "from unidbg.cli.running import run; run(['no-such-command'])",
        "import unidbg_symbols",
        "import unidbg_symbols; unidbg_symbols.Image",
        "import unidbg.target",
        "import unidbg.rsp",
    ],
)
def test_nothing_heavy_is_loaded(statement: str) -> None:
    assert loaded_by(statement) == set()


def test_every_heavy_module_exists() -> None:
    """A misspelt name in the list would never be found loaded."""
    from importlib.util import find_spec

    assert [name for name in HEAVY if find_spec(name) is None] == []
