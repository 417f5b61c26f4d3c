"""`unidbg heap`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "heap",
    """Show the allocator.

    Bounds, live and peak bytes, allocations, and the page bitmap, counted against what the allocator says.
    """,
)
