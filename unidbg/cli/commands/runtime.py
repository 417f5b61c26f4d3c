"""`unidbg runtime`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "runtime",
    """Show drivers, buffer pools and object caches.

    Drivers in poll or in interrupt mode with what each has cost, the buffers that are out, and how often a
    cache had an object ready.
    """,
)
