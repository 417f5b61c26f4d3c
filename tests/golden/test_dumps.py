"""Every command over the dump of `unidbg demo`: the real thing from file to text, on any host.

`python -m tests.support.demo` makes that dump anew, `UNIDBG_REGOLD=1 pytest tests/golden` the transcripts.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.golden.conftest import Transcript, check
from unidbg.cli.commands.demo import CORE, FOLDER
from unidbg.cli.running import run
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
def unidbg(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Transcript]:
    """Runs the command line in this process, in the folder of the dump."""
    monkeypatch.chdir(FOLDER)
    for name in [name for name in os.environ if name.startswith("UNIDBG_")]:
        monkeypatch.delenv(name)

    def runner(*arguments: str, columns: int = 100) -> Transcript:
        kept = io.BytesIO(), io.BytesIO()
        out, err = (io.TextIOWrapper(bytes_, "utf-8", newline="\n") for bytes_ in kept)
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", str(columns))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = run(arguments)
            out.flush()
            err.flush()
        return Transcript(code, *(bytes_.getvalue().decode("utf-8") for bytes_ in kept))

    return runner


@pytest.mark.parametrize("name", COMMANDS)
def test_text(unidbg: Callable[..., Transcript], name: str) -> None:
    ran = unidbg(*COMMANDS[name])
    assert ran.code == (2 if name in REFUSED else 0), ran.err
    check(f"dump-{name}.txt", (ran.out + ran.err).replace(os.path.dirname(CORE) + "/", ""))


@pytest.mark.parametrize("name", [*VIEWS, "regs", "bt"])
def test_json(unidbg: Callable[..., Transcript], name: str) -> None:
    ran = unidbg(*COMMANDS[name], "--json")
    assert (ran.code, ran.err) == (0, "")
    check(f"dump-{name}.json", json.dumps(json.loads(ran.out), indent=1) + "\n")


def test_the_demo_is_small(unidbg: Callable[..., Transcript]) -> None:
    assert sum(path.stat().st_size for path in Path(FOLDER).iterdir()) < 1_500_000
    assert unidbg("demo", "--path").out.split()[0] == CORE
