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

from tests.golden import sample
from tests.golden.sample import FakeSession
from unidbg import conform
from unidbg.cli import guests, images, opening
from unidbg.cli.doctor import host
from unidbg.cli.kit import building, copying
from unidbg.cli.running import run

TRANSCRIPTS = Path(__file__).with_name("transcripts")
REGOLD = bool(os.environ.get("UNIDBG_REGOLD"))


class Transcript(NamedTuple):
    """What came of one run."""

    code: int
    out: str
    err: str


Runner = Callable[..., Transcript]


def runner_in(monkeypatch: pytest.MonkeyPatch, folder: Path, columns: int) -> Runner:
    """Runs the command line in this process and in a folder, with nothing configured; `columns` wide."""
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("UNIDBG_")]:
        monkeypatch.delenv(name)

    def runner(*arguments: str, columns: int = columns) -> Transcript:
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


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def unidbg(monkeypatch: pytest.MonkeyPatch, session: FakeSession, tmp_path: Path) -> Runner:
    """Runs the command line in this process, against the made-up guest, in a folder without configuration."""
    monkeypatch.setattr(opening, "open_session", lambda target, settings: session)
    monkeypatch.setattr(images, "symbols_view", lambda path, query: sample.SYMBOLS)
    monkeypatch.setattr(images, "types_view", lambda path, name: sample.TYPES)
    monkeypatch.setattr(images, "index_view", lambda path: sample.INDEX)
    monkeypatch.setattr(images, "difference_view", lambda before, after, name: sample.TYPE_DIFF)
    monkeypatch.setattr(guests, "report", lambda: sample.GUESTS)
    monkeypatch.setattr(conform, "conform", lambda target, timeout: sample.CONFORMANCE)
    monkeypatch.setattr(copying, "copy", lambda folder, force: sample.COPIED)
    monkeypatch.setattr(building, "build", lambda *what, **options: sample.BUILT)
    monkeypatch.setattr(host, "host_diagnoses", lambda guest_is_given: sample.DOCTOR.diagnoses)
    (tmp_path / "hello.elf").touch()
    (tmp_path / "later.elf").touch()
    return runner_in(monkeypatch, tmp_path, 80)


def check(name: str, text: str) -> None:
    """Compare with the kept transcript, or keep this one."""
    path = TRANSCRIPTS / name
    if REGOLD:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.exists(), f"{path} is missing: UNIDBG_REGOLD=1 pytest tests/golden"
    assert text == path.read_text("utf-8"), (
        "not as kept; if it is meant so: UNIDBG_REGOLD=1 pytest tests/golden"
    )
