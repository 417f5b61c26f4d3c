"""`unidbg stop`."""

from __future__ import annotations

import click

from unidbg.cli import guests
from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, plain_settings
from unidbg.cli.out import present
from unidbg.cli.parameters import GuestNameType


@click.command("stop", cls=Command, epilog=examples("unidbg stop @hello", "unidbg stop --all"))
@click.argument("names", type=GuestNameType(), nargs=-1, metavar="@NAME...")
@click.option("--all", "every", is_flag=True, help="All guests that `run` started.")
@plain_settings
def command(names: tuple[str, ...], every: bool, settings: Settings) -> None:
    """End a guest that `run` started.

    Ends its QEMU and forgets its name. Prints what was ended.
    """
    if bool(names) == every:
        raise click.UsageError("which guest? give @NAME, or --all")
    present(lambda: guests.stop(guests.guest_names() if every else names), settings)
