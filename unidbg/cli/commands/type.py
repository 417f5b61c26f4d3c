"""`unidbg type`."""

from __future__ import annotations

import click

from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, image, plain_settings
from unidbg.cli.out import present


@click.command(
    "type",
    cls=Command,
    epilog=examples(
        "unidbg type app.elf 'struct loop_timer'",
        "unidbg type app.elf uint64_t",
        "unidbg type app.elf 'struct loop_timer' --diff app.dbg",
    ),
)
@image
@click.argument("name", metavar="NAME")
@click.option(
    "--diff",
    "other",
    type=click.Path(exists=True, dir_okay=False),
    metavar="OTHER-IMAGE",
    help="Show what is different in a later image.",
)
@click.option("--exit-code", is_flag=True, help="With --diff: exit with 1 where something is.")
@plain_settings
def command(image: str, name: str, other: str | None, exit_code: bool, settings: Settings) -> None:
    """Show the layout of a type of an image, or how it changed.

    Offsets and sizes in bytes, bit-fields as byte:bit, and the holes between the members.
    """
    from unidbg.cli import images
    from unidbg.cli.exits import NEGATIVE

    if exit_code and other is None:
        raise click.UsageError("--exit-code is of use with --diff OTHER-IMAGE only")
    if other is None:
        present(lambda: images.types_view(image, name), settings)
        return
    view = images.difference_view(image, other, name)
    present(lambda: view, settings)
    if exit_code and view.differences:
        raise click.exceptions.Exit(NEGATIVE)
