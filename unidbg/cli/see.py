"""What the See commands have in common: one view of one guest."""

from __future__ import annotations

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, guest_settings, target_or_configured
from unidbg.cli.out import present


def view_command(name: str, text: str, *more: str) -> click.Command:
    """A command that shows the view of its own name; `text` is its help, `more` are further examples."""

    @click.command(
        name,
        cls=Command,
        help=text,
        epilog=examples(f"unidbg {name} :1234", f"unidbg {name} @hello --json", *more),
    )
    @target_or_configured
    @guest_settings
    def command(target: str, settings: Settings) -> None:
        with opening.open_session(target, settings) as session:
            present(lambda: session.view(name), settings)

    return command
