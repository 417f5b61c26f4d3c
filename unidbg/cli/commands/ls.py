"""`unidbg ls`."""

from __future__ import annotations

import click

from unidbg.cli import guests
from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, plain_settings
from unidbg.cli.out import present


@click.command("ls", cls=Command, epilog=examples("unidbg ls", "unidbg ls --json"))
@plain_settings
def command(settings: Settings) -> None:
    """List the guests that `run` started.

    Their names are TARGETs. Several lines into one guest can be used at the same time by different clients.
    """
    present(guests.report, settings)
