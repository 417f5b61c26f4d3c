"""`unidbg security`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "security",
    """Show protections: configured, and found by looking.

    What the guest says of itself stands beside what is true: the canary in memory and the functions that
    check it, the live page tables, the control registers, where the image runs, who calls the handlers of
    failed checks. What is off or not true is named first.
    """,
)
