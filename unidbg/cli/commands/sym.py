"""`unidbg sym`."""

from __future__ import annotations

import click

from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, image, plain_settings
from unidbg.cli.out import present


@click.command(
    "sym", cls=Command, epilog=examples("unidbg sym app.elf app_main", "unidbg sym app.elf 0x100099")
)
@image
@click.argument("query", metavar="NAME|ADDR")
@plain_settings
def command(image: str, query: str, settings: Settings) -> None:
    """Look up a symbol of an image, by name or address.

    Prints address, size, kind, section and the source line. All addresses are those of the file.
    """
    from unidbg.cli.images import symbols_view

    present(lambda: symbols_view(image, query), settings)
