"""Exceptions become exit codes and messages in one place."""

from __future__ import annotations

import click
import pytest

from tests.golden.conftest import Runner
from tests.golden.sample import FakeSession
from unidbg import errors
from unidbg.cli import exits, opening
from unidbg.cli.exits import failure


def every_error() -> list[type[errors.UnidbgError]]:
    return [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("cls", every_error())
def test_what_we_raise_on_purpose_is_no_answer(cls: type[errors.UnidbgError]) -> None:
    error = cls(1, 2) if cls is errors.MemoryFault else cls("what\nand then")
    found = failure(error)
    assert found.code == exits.NO_ANSWER
    assert found.lines[0].startswith("unidbg: error: ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), exits.INTERRUPTED),
        (click.Abort(), exits.INTERRUPTED),
        (BrokenPipeError(), exits.ANSWERED),
        (click.UsageError("no"), exits.NO_ANSWER),
        (click.ClickException("no"), exits.NO_ANSWER),
        (FileNotFoundError(2, "No such file", "a.elf"), exits.NO_ANSWER),
        (OSError(5, "Input/output error"), exits.BUG),
        (ZeroDivisionError(), exits.BUG),
        (MemoryError(), exits.BUG),
    ],
)
def test_codes(error: BaseException, code: int) -> None:
    assert failure(error).code == code
    assert code in exits.MEANINGS


def test_messages_are_escaped_and_the_next_step_stands_below() -> None:
    lines = failure(exits.Unanswered("heap: no \x1b[2J probe", "export one\nor two")).lines
    assert lines == (r"unidbg: error: heap: no \x1b[2J probe", "  export one", "  or two")


def test_a_bug_shows_its_traceback(unidbg: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(target: str, settings: object) -> None:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(opening, "open_session", broken)
    ran = unidbg("heap", ":1234")
    assert ran.code == exits.BUG
    assert "Traceback" in ran.err
    assert "a bug of ours" in ran.err
    assert "please report" in ran.err


def test_ctrl_c_is_quiet_and_lets_the_guest_go(
    unidbg: Runner, session: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "view", interrupted)
    ran = unidbg("heap", ":1234")
    assert (ran.code, ran.out, ran.err) == (exits.INTERRUPTED, "", "")
    assert session.closed == 1


def test_an_error_has_no_traceback(unidbg: Runner, session: FakeSession) -> None:
    ran = unidbg("print", ":1234", "heep")
    assert (ran.code, ran.out) == (exits.NO_ANSWER, "")
    assert ran.err == "unidbg: error: no symbol 'heep' in hello.elf; did you mean heap?\n"
    assert session.closed == 1


def test_usage_says_how(unidbg: Runner) -> None:
    ran = unidbg("x", ":1234")
    assert ran.code == exits.NO_ANSWER
    assert ran.err.splitlines()[0] == "unidbg: error: Missing argument 'ADDR'."
    assert "usage: unidbg x [OPTIONS] TARGET ADDR" in ran.err
    assert "help:  unidbg x --help" in ran.err


def test_an_unknown_command_has_neighbours(unidbg: Runner) -> None:
    assert "did you mean heap?" in unidbg("heep", ":1234").err
    assert "`unidbg --help` lists" in unidbg("qqqqqq").err
    assert unidbg("heep").code == exits.NO_ANSWER


def test_without_a_command_help_goes_to_stderr(unidbg: Runner) -> None:
    ran = unidbg()
    assert (ran.code, ran.out) == (exits.NO_ANSWER, "")
    assert ran.err.startswith("Usage: unidbg")


def test_absent_in_json_is_printed_and_still_no_answer(unidbg: Runner, session: FakeSession) -> None:
    from tests.golden.sample import NO_LOG

    session.views = {"log": NO_LOG}
    ran = unidbg("log", ":1234", "--json")
    assert ran.code == exits.NO_ANSWER
    assert '"absent": "the guest exports no log probe"' in ran.out
    assert "unidbg: error: log: the guest exports no log probe" in ran.err
