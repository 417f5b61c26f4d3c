"""`unidbg devices`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "devices",
    """Show devices and their interrupts.

    MMIO and port bases, interrupt lines, handlers by symbol, and how often each line fired.
    """,
)
