"""`unidbg cloud`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "cloud",
    """Show metadata, volumes and network cards of the cloud.

    What the guest got from its cloud and by which channel, its block devices with their traffic and errors,
    its network cards, and the functions behind them.
    """,
)
