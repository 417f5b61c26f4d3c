"""`unidbg app`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "app",
    """Show the application of the unikernel.

    Entry point by symbol, heap, static data, and what its configuration asks for.
    """,
)
