"""The exit codes, and the one place that maps an exception to one of them."""

from __future__ import annotations

from typing import NamedTuple

import click

from unidbg.errors import UnidbgError

ANSWERED = 0
NEGATIVE = 1
NO_ANSWER = 2
BUG = 70
INTERRUPTED = 130
TERMINATED = 143

MEANINGS: dict[int, str] = {
    ANSWERED: "Answered, also when the view holds faults, and when whoever reads our output closed the pipe.",
    NEGATIVE: "Answered, and the verdict is negative: `check` found something, `doctor` something essential "
    "missing, `conform` something wrong, `diff` or `type --diff` with `--exit-code` a difference.",
    NO_ANSWER: "Could not answer: usage, target, image, timeout, or the guest has not what was asked for.",
    BUG: "A bug in unidbg; the traceback is on stderr.",
    INTERRUPTED: "Ctrl-C. The guest runs on.",
    TERMINATED: "Ended by SIGTERM (129: SIGHUP). The guest runs on.",
}
"""What docs/exit-codes.md says; a code that is not here is never returned."""

ONE_LINE = 90
"""Characters of a message that stays in one line."""

REPORT = "this is a bug in unidbg: please report the traceback above with the command line"


class Failure(NamedTuple):
    """How an exception ends the process: the exit code and the lines for stderr, next step included."""

    code: int
    lines: tuple[str, ...]


class Unanswered(UnidbgError):
    """The guest does not have what was asked for (`remedy`: what would provide it)."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def failure(error: BaseException) -> Failure:
    """The code and the message of an exception; `BUG` for one that nobody raised on purpose."""
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Failure(INTERRUPTED, ())
    if isinstance(error, BrokenPipeError):
        return Failure(ANSWERED, ())
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return Failure(NO_ANSWER, tuple(error.format_message().splitlines()))
    if isinstance(error, click.UsageError):
        return Failure(NO_ANSWER, _usage(error))
    if isinstance(error, click.ClickException):
        return Failure(NO_ANSWER, _message(error.format_message()))
    if isinstance(error, UnidbgError):
        return Failure(NO_ANSWER, _message(str(error), getattr(error, "remedy", "")))
    if isinstance(error, OSError) and error.filename is not None:
        return Failure(NO_ANSWER, _message(f"{error.filename}: {error.strerror}"))
    return Failure(BUG, (f"unidbg: {REPORT}",))


def _message(text: str, remedy: str = "") -> tuple[str, ...]:
    from unidbg.render.escape import escape_lines

    first, *rest = escape_lines(_next_step_below(text))
    return (f"unidbg: error: {first}", *(f"  {line}" for line in [*rest, *escape_lines(remedy)] if line))


def _next_step_below(text: str) -> str:
    """A message that is too long for a line has its parts below each other."""
    return text if len(text) <= ONE_LINE else text.replace("; ", "\n")


def _usage(error: click.UsageError) -> tuple[str, ...]:
    if error.ctx is None:
        return _message(error.format_message())
    usage = error.ctx.get_usage().removeprefix("Usage: ")
    return (
        *_message(error.format_message()),
        f"  usage: {usage}",
        f"  help:  {error.ctx.command_path} --help",
    )
