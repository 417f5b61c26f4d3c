"""The progress bar: on a terminal alone, and on stderr."""

from __future__ import annotations

import io
import sys

import pytest

from unidbg.cli.progress import progress


class Terminal(io.StringIO):
    """A stderr at which somebody sits."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress("dump") as tick:
        tick(1 << 20, 4 << 20)
        tick(4 << 20, 4 << 20)
    assert "4.0/4.0 MiB" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_a_pipe_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("dump") as tick:
        tick(1, 2)
    assert capsys.readouterr() == ("", "")
