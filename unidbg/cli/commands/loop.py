"""`unidbg loop`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "loop",
    """Show the event loop, its timers and handlers.

    Timers by what is due next or overdue, with callbacks by symbol; I/O handlers with their event counts.
    """,
)
