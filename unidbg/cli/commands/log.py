"""`unidbg log`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "log",
    """Show the console log kept in the guest.

    Oldest line first. Control characters are shown escaped, so that a guest cannot drive your terminal.
    """,
)
