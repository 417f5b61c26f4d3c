"""`unidbg threads`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "threads",
    """Show vCPUs and threads with backtraces.

    Each with its state and why it stands. A frame that was found by no more than a guess says so.
    """,
)
