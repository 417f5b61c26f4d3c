"""`unidbg attach`."""

from __future__ import annotations

import sys

import click

from unidbg.cli.attaching import attach
from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, guest_settings, target_or_configured


@click.command(
    "attach", cls=Command, epilog=examples("unidbg attach :1234 --image app.elf", "unidbg attach @hello")
)
@target_or_configured
@guest_settings
def command(target: str, settings: Settings) -> None:
    """Watch a guest in the terminal interface.

    The guest runs on: it is stopped only for the moments that a reading takes, and left as it was found.
    Where there is no terminal, or with --json, this is `overview`.
    """
    sys.exit(attach(target, settings))
