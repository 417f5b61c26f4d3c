"""`unidbg boot`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "boot",
    """Show memory map, command line, phases and initialisers.

    What the kernel was given by whoever started it, how long each phase of its boot took, and which of its
    lazy initialisers have run or are still pending, by symbol.
    """,
)
