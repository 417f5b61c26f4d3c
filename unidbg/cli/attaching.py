"""What `attach` and `run` do with a guest: the terminal interface, or the overview without a terminal.

The interface is `unidbg_tui`, which lies above the command line and may import what it needs of it. So it
is found by name, when it is wanted, and no module of ours imports it.
"""

from __future__ import annotations

import sys
from importlib import import_module

from unidbg.cli import opening
from unidbg.cli.options import Settings
from unidbg.cli.out import present

INTERFACE = "unidbg_tui"


def attach(target: str, settings: Settings) -> None:
    """Open the interface, which ends when the user leaves it; else show the overview."""
    if settings.json or settings.watch is not None or not interactive():
        with opening.open_session(target, settings) as session:
            present(lambda: session.view("overview"), settings)
        return
    interface = import_module(INTERFACE)
    interface.run(target, lambda: opening.open_session(target, settings))


def interactive() -> bool:
    """Whether a person sits at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()
