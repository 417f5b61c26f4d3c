"""Printing: the only place of the command line that writes answers to stdout."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from unidbg.cli.exits import Unanswered
from unidbg.cli.options import Settings

PIPE_WIDTH = 120
"""Columns where nobody says how many: a pipe has none, and a fold loses nothing."""

HOME, ERASE_LINE, ERASE_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def present(produce: Callable[[], Any], settings: Settings) -> None:
    """Print what `produce` gives, once or until Ctrl-C. A view that is not to be had is `Unanswered`."""
    if settings.watch is None:
        _once(produce(), settings)
        return
    while True:
        began = time.monotonic()
        _again(produce(), settings)
        time.sleep(max(0.0, settings.watch - (time.monotonic() - began)))


def _once(view: Any, settings: Settings) -> None:
    from unidbg.views.base import Absent

    if not isinstance(view, Absent):
        write(to_text(view, settings))
        return
    if settings.json:
        write(to_text(view, settings))
    raise Unanswered(f"{view.view}: {view.reason}", view.remedy)


def _again(view: Any, settings: Settings) -> None:
    text = to_text(view, settings)
    write(_over_the_last(text) if not settings.json and sys.stdout.isatty() else text)


def _over_the_last(text: str) -> str:
    """`text` drawn over what the terminal shows, without clearing it first: that would flicker."""
    rows = max(3, _terminal_size()[1])
    lines = text.splitlines()
    if len(lines) >= rows:
        lines = [*lines[: rows - 2], f"... and {len(lines) - rows + 2} more lines"]
    return HOME + "".join(f"{line}{ERASE_LINE}\n" for line in lines) + ERASE_BELOW


def to_text(view: Any, settings: Settings) -> str:
    """The view as the options want it, newline included."""
    if settings.json:
        from unidbg.render.json import dumps

        return dumps(view) + "\n"
    from unidbg.render.table import render

    return render(view, width(), color=colored(settings.color), unicode=_takes_unicode())


def write(text: str) -> None:
    """To stdout, now; what its encoding lacks is escaped. BrokenPipeError where nobody reads any more."""
    write_bytes(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))


def write_bytes(data: bytes) -> None:
    """To stdout, now and as they are. BrokenPipeError where nobody reads any more."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_stdout()
        raise Unanswered(f"the answer could not be written: {error.strerror}") from None


def forget_stdout() -> None:
    """What is still buffered goes nowhere, so that the interpreter's last flush is quiet too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def width() -> int:
    """Columns to write in: `COLUMNS`, the terminal's, or `PIPE_WIDTH`."""
    return max(40, _terminal_size()[0])


def _terminal_size() -> tuple[int, int]:
    """Columns and lines as `shutil.get_terminal_size` finds them, without what that module imports."""
    try:
        found = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    except (OSError, ValueError):
        found = os.terminal_size((0, 0))
    return (
        _number("COLUMNS") or found.columns or PIPE_WIDTH,
        _number("LINES") or found.lines or 24,
    )


def _number(variable: str) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() else 0


def colored(choice: str | None) -> bool:
    """Whether to write colours; `NO_COLOR` is honoured unless an option insists."""
    if choice in ("always", "never"):
        return choice == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _takes_unicode() -> bool:
    try:
        "━─·→µ".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
