"""`unidbg overview`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "overview",
    """Show everything at a glance.

    State, application, threads, memory, heap, loop, network, rings, devices, boot and the last lines of the
    log, from one brief stop. A part that the guest does not have says why, and what would provide it.
    """,
)
