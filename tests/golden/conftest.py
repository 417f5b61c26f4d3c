"""Golden transcripts: what a command prints, kept in `transcripts/`.

`UNIDBG_REGOLD=1 pytest tests/golden` writes them anew; look at the difference before you commit it.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.golden.sample import FakeSession
from unidbg.cli import opening
from unidbg.cli.running import run

TRANSCRIPTS = Path(__file__).with_name("transcripts")


class Transcript(NamedTuple):
    """What came of one run."""

    code: int
    out: str
    err: str


Runner = Callable[..., Transcript]


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def unidbg(monkeypatch: pytest.MonkeyPatch, session: FakeSession, tmp_path: Path) -> Runner:
    """Runs the command line in this process, against the made-up guest, in a folder without configuration."""
    monkeypatch.setattr(opening, "open_session", lambda target, settings: session)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("UNIDBG_") and name != "UNIDBG_REGOLD"]:
        monkeypatch.delenv(name)

    def runner(*arguments: str, columns: int = 80) -> Transcript:
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", str(columns))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = run(arguments)
        return Transcript(code, *(_written(stream) for stream in (out, err)))

    return runner


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    written = stream.detach().getvalue()
    assert isinstance(written, bytes)
    return written.decode("utf-8")


def check(name: str, text: str) -> None:
    """Compare with the kept transcript, or keep this one."""
    path = TRANSCRIPTS / name
    if os.environ.get("UNIDBG_REGOLD"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.exists(), f"{path} is missing: UNIDBG_REGOLD=1 pytest tests/golden"
    assert text == path.read_text("utf-8"), (
        "not as kept; if it is meant so: UNIDBG_REGOLD=1 pytest tests/golden"
    )
