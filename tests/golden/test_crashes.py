"""What each way to crash looks like afterwards: the first pages of an incident, over a stored dump.

`python -m tests.golden.dead` makes the dumps anew, `UNIDBG_REGOLD=1 pytest tests/golden` the transcripts.
"""

from __future__ import annotations

import re

import pytest

from tests.e2e.crashes import CRASHES, Crash
from tests.golden.conftest import Runner, check, runner_in
from tests.golden.dead import DUMPS, IMAGE, WAYS

COMMANDS = (
    ("overview",),
    ("diagnose",),
    ("bt", "--all"),
    ("dis", "-n", "4"),
    ("heap", "--blocks"),
    ("log",),
)


@pytest.fixture
def unidbg(monkeypatch: pytest.MonkeyPatch) -> Runner:
    """In the folder of the dumps."""
    return runner_in(monkeypatch, DUMPS, 100)


@pytest.mark.parametrize("crash", CRASHES, ids=str)
def test_a_crash(unidbg: Runner, crash: Crash) -> None:
    way, said = crash.way, []
    for command, *words in COMMANDS:
        ran = unidbg(command, f"{way}.core.gz", *words, "--image", str(IMAGE))
        assert (ran.code, command) == (0, command) or (way, command) == ("jump-to-null", "dis"), ran.err
        said.append(f"$ unidbg {' '.join([command, f'{way}.core.gz', *words])}\n{ran.out}{ran.err}\n")
    assert re.search(crash.reason.rstrip("$"), " ".join(said[0].split())), said[0]
    check(f"crash-{way}.txt", "".join(said).replace(f"{IMAGE.parent}/", ""))


def test_the_dumps_are_small() -> None:
    sizes = [path.stat().st_size for path in DUMPS.iterdir()]
    assert len(sizes) == len(WAYS)
    assert max(sizes) < 100_000
    assert sum(sizes) < 1_000_000
