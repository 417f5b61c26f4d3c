"""`unidbg index`."""

from __future__ import annotations

import click

from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, image, plain_settings
from unidbg.cli.out import present


@click.command("index", cls=Command, epilog=examples("unidbg index app.elf"))
@image
@plain_settings
def command(image: str, settings: Settings) -> None:
    """Make the index of an image, for a build step.

    With it look-ups of types and variables are faster in large images; everything works without. It goes into
    the user's cache folder, is found by build-id or contents, and is made anew when the image changed.
    """
    from unidbg.cli.images import index_view

    present(lambda: index_view(image), settings)
