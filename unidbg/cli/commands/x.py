"""`unidbg x`."""

from __future__ import annotations

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.format import Format
from unidbg.cli.options import THREAD, Settings, guest_settings, target
from unidbg.cli.out import present
from unidbg.cli.parameters import FormatType


@click.command(
    "x",
    cls=Command,
    epilog=examples(
        "unidbg x :1234 '&heartbeats'", "unidbg x :1234 '$rsp' -f 16gx", "unidbg x @hello app_main -f 8i"
    ),
)
@target
@click.argument("where", metavar="ADDR")
@click.option(
    "-f", "--format", "shape", type=FormatType(), default="64bx", help="Count, unit and letter: 16gx."
)
@THREAD
@guest_settings
def command(target: str, where: str, shape: Format, thread: str | None, settings: Settings) -> None:
    """Examine memory.

    ADDR is an address, a symbol or an expression. FORMAT is gdb's: a count, a unit (b 1, h 2, w 4, g 8 bytes)
    and a letter: x and z hexadecimal, d signed, u unsigned, o octal, t binary, a address, c character,
    s string, i instruction. Without it: 64 bytes and their characters.
    """
    with opening.open_session(target, settings) as session:
        if shape.letter == "i":
            present(lambda: session.disassemble(where, shape.units, thread), settings)
        else:
            present(
                lambda: session.examine(where, shape.letter, shape.units, shape.unit_bytes, thread), settings
            )
