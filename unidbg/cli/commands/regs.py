"""`unidbg regs`."""

from __future__ import annotations

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import THREAD, Settings, guest_settings, target
from unidbg.cli.out import present


@click.command(
    "regs", cls=Command, epilog=examples("unidbg regs :1234", "unidbg regs @hello --thread 2 --watch")
)
@target
@THREAD
@guest_settings
def command(target: str, thread: str | None, settings: Settings) -> None:
    """Show the registers of a thread.

    General, segment and control registers, with their flags decoded. Without --thread of the thread that
    stopped.
    """
    with opening.open_session(target, settings) as session:
        present(lambda: session.registers(thread), settings)
