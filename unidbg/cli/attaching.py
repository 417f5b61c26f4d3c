"""What `attach` and `run` do with a guest: the terminal interface, or the overview without a terminal.

The interface is `unidbg_tui`, which lies above the command line and may import what it needs of it. So it
is found by name, when it is wanted, and no module of ours imports it.
"""

from __future__ import annotations

import sys
from importlib import import_module

from unidbg import config
from unidbg.cli import opening
from unidbg.cli.exits import ANSWERED
from unidbg.cli.options import Settings
from unidbg.cli.out import present

INTERFACE = "unidbg_tui"
REFRESH_HZ = 2.0


def attach(target: str, settings: Settings) -> int:
    """Open the interface until the user leaves it, else show the overview. Returns the exit code."""
    if settings.json or not interactive():
        with opening.open_session(target, settings) as session:
            present(lambda: session.view("overview"), settings)
        return ANSWERED
    ui = config.load()
    refresh_hz = 1 / settings.watch if settings.watch else ui.number("ui", "refresh") or REFRESH_HZ
    code = import_module(INTERFACE).run(
        lambda: opening.open_session(target, settings),
        url=target,
        refresh_hz=refresh_hz,
        theme=ui.text("ui", "theme"),
    )
    return int(code)


def interactive() -> bool:
    """Whether a person sits at both ends. Textual draws on stderr."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
