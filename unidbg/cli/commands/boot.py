"""`unidbg boot`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "boot",
    """Show memory map, command line and boot phases.

    What the kernel was given by whoever started it, and how long each phase of its boot took.
    """,
)
