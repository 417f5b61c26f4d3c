"""`unidbg symbolize`."""

from __future__ import annotations

import click

from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, image, plain_settings
from unidbg.cli.parameters import NumberType


@click.command(
    "symbolize",
    cls=Command,
    epilog=examples(
        "unidbg symbolize app.elf console.log",
        "tail -f console.log | unidbg symbolize app.elf",
        "unidbg symbolize app.elf crash.txt --bias 0xffffffff80000000",
    ),
)
@image
@click.argument("log", type=click.Path(exists=True, dir_okay=False, allow_dash=True), default="-")
@click.option(
    "--bias",
    type=NumberType(),
    metavar="N",
    help="Run address minus link address; else it is found from the log.",
)
@plain_settings
def command(image: str, log: str, bias: int | None, settings: Settings) -> None:
    """Put names to the addresses in a log or a pipe.

    Behind each hexadecimal address that the image knows come function, file and line, and the functions into
    which it was inlined. What follows a call counts as a return address: its line is that of the call.
    Everything else passes through untouched. With --json only what was found is printed.
    """
    from unidbg.cli import symbolizing

    symbolizing.run(image, log, bias, settings)
