"""One run of the command line: parse, do, and turn what was raised into an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from unidbg.cli import exits
from unidbg.cli.root import root

PROGRAM = "unidbg"
COMPLETE = "_UNIDBG_COMPLETE"


def run(arguments: Sequence[str]) -> int:
    """Run `unidbg ARGUMENTS` and give its exit code. Raises only what ends a shell's completion."""
    if COMPLETE in os.environ:
        root.main(prog_name=PROGRAM)
    _give_streams()
    _end_cleanly_on_signals()
    try:
        return _invoke(arguments)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else exits.ANSWERED
    except click.exceptions.Exit as done:
        return done.exit_code
    except BaseException as error:  # noqa: BLE001 - the one place that maps every exception to an exit code
        return _fail(error)


def _invoke(arguments: Sequence[str]) -> int:
    with root.make_context(PROGRAM, list(arguments)) as context:
        root.invoke(context)
    sys.stdout.flush()
    return exits.ANSWERED


def _fail(error: BaseException) -> int:
    failure = exits.failure(error)
    if isinstance(error, BrokenPipeError):
        from unidbg.cli.out import forget_stdout

        forget_stdout()
    if failure.code == exits.BUG:
        import traceback

        traceback.print_exception(error)
    for line in failure.lines:
        print(line, file=sys.stderr)
    return failure.code


def _give_streams() -> None:
    """Whoever closed stdout or stderr wants nothing of it; Python leaves `None` there."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process


def _end_cleanly_on_signals() -> None:
    """SIGTERM and SIGHUP unwind like Ctrl-C does, so that the guest is let go."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _terminate)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
