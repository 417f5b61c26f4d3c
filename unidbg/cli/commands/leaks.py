"""`unidbg leaks`."""

from __future__ import annotations

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, guest_settings, target_or_configured
from unidbg.cli.out import present


@click.command("leaks", cls=Command, epilog=examples("unidbg leaks :1234", "unidbg leaks @hello --json"))
@target_or_configured
@guest_settings
def command(target: str, settings: Settings) -> None:
    """Show live heap blocks that nothing points to.

    From registers, stacks, statics and pages in use, every word that points into a live block keeps it, and
    what that block points to. What is left is leaked: by size, type and call site, with the oldest of each.
    The guest stands while its heap is read; over a serial line that takes a while,
    which is said before. Ctrl-C lets the guest go on at once.
    """
    with opening.open_session(target, settings) as session:
        present(session.leaks, settings)
