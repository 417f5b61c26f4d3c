"""`unidbg type`."""

from __future__ import annotations

import click

from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, image, plain_settings
from unidbg.cli.out import present


@click.command(
    "type",
    cls=Command,
    epilog=examples("unidbg type app.elf 'struct loop_timer'", "unidbg type app.elf uint64_t"),
)
@image
@click.argument("name", metavar="NAME")
@plain_settings
def command(image: str, name: str, settings: Settings) -> None:
    """Show the layout of a type of an image.

    Offsets and sizes in bytes, bit-fields as byte:bit, and the holes between the members.
    """
    from unidbg.cli.images import types_view

    present(lambda: types_view(image, name), settings)
