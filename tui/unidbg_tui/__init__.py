"""The Textual user interface of unidbg: `run` shows a session on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unidbg_tui.source import SessionFactory

__all__ = ["run"]

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
        worker.join(CLOSE_SECONDS)
    if app.broken is not None:
        raise app.broken
    return 70 if app.return_code else 0
