"""The Textual user interface of unidbg: `run` shows a session on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unidbg_tui.source import SessionFactory
    from unidbg_tui.worker import SessionWorker

__all__ = ["run"]

NOTICE_SECONDS = 1.0
CLOSE_SECONDS = 10.0
"""How long leaving waits for the line to be closed; the guest's lease ends by itself after that."""


def run(
    session_factory: SessionFactory,
    *,
    url: str,
    refresh_hz: float = 2.0,
    theme: str | None = None,
    view: str = "overview",
    mouse: bool = True,
) -> int:
    """Show the session that `session_factory` opens until the user leaves; the guest is left running.

    The factory is called on the thread that owns the session, and again when a lost guest is to be reached.
    An error of the first opening is raised here, before the screen is touched. Returns the exit code.
    """
    from unidbg_tui.app import UnidbgApp
    from unidbg_tui.model import Model
    from unidbg_tui.worker import SessionWorker

    worker = SessionWorker(session_factory, period=1.0 / refresh_hz)
    worker.start()
    try:
        names = worker.wait_opened()
        app = UnidbgApp(Model(url, names, refresh_hz), worker, theme=theme, view=view)
        app.run(mouse=mouse)
    finally:
        worker.stop()
        _wait_for_the_end(worker)
    if app.broken is not None:
        raise app.broken
    return 70 if app.return_code else 0


def _wait_for_the_end(worker: SessionWorker) -> None:
    """Give the line time to be closed, and say so where that takes long."""
    worker.join(NOTICE_SECONDS)
    if worker.is_alive():
        print("closing the line to the guest ...", file=sys.stderr)
        worker.join(CLOSE_SECONDS)
