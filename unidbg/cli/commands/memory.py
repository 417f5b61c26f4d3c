"""`unidbg memory`."""

from __future__ import annotations

from unidbg.cli.see import view_command

command = view_command(
    "memory",
    """Show memory layout and page tables.

    Code, data, heap and stack bounds as the guest tells them, and the page tables as they are: runs of pages
    that are mapped alike, how many are writable, user or no-execute, and whether any is both writable and
    executable. Guard pages below stacks are held against the tables.
    """,
)
