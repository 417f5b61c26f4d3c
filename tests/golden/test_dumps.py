"""Every command over the dump of `unidbg demo`: the real thing from file to text, on any host.

`python -m tests.support.demo` makes that dump anew, `UNIDBG_REGOLD=1 pytest tests/golden` the transcripts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.golden.conftest import Runner, check, runner_in
from unidbg.cli.commands.demo import CORE, FOLDER
from unidbg.session import VIEWS

DUMP = "crash.core.gz"
COMMANDS: dict[str, tuple[str, ...]] = {
    **{name: (name, DUMP) for name in VIEWS},
    "regs": ("regs", DUMP),
    "regs-all": ("regs", DUMP, "--all"),
    "bt": ("bt", DUMP, "--all"),
    "dis": ("dis", DUMP),
    "x": ("x", DUMP, "$rsp", "-f", "8ga"),
    "x-s": ("x", DUMP, "0x200000000000", "-f", "s"),
    "print": ("print", DUMP, "heartbeats"),
    "whatis": ("whatis", DUMP, "$rsp"),
    "monitor": ("monitor", DUMP, "stats"),
    "demo": ("demo", "--color", "never"),
}
REFUSED = ("x-s", "monitor")


@pytest.fixture
def unidbg(monkeypatch: pytest.MonkeyPatch) -> Runner:
    """In the folder of the dump."""
    return runner_in(monkeypatch, Path(FOLDER), 100)


@pytest.mark.parametrize("name", COMMANDS)
def test_text(unidbg: Runner, name: str) -> None:
    ran = unidbg(*COMMANDS[name])
    assert ran.code == (2 if name in REFUSED else 0), ran.err
    check(f"dump-{name}.txt", (ran.out + ran.err).replace(os.path.dirname(CORE) + "/", ""))


@pytest.mark.parametrize("name", [*VIEWS, "regs", "bt"])
def test_json(unidbg: Runner, name: str) -> None:
    ran = unidbg(*COMMANDS[name], "--json")
    assert (ran.code, ran.err) == (0, "")
    check(f"dump-{name}.json", json.dumps(json.loads(ran.out), indent=1) + "\n")


def test_the_demo_is_small(unidbg: Runner) -> None:
    assert sum(path.stat().st_size for path in Path(FOLDER).iterdir()) < 1_500_000
    assert unidbg("demo", "--path").out.split()[0] == CORE
