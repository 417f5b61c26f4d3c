"""`unidbg whatis`."""

from __future__ import annotations

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, guest_settings, target
from unidbg.cli.out import present


@click.command(
    "whatis",
    cls=Command,
    epilog=examples(
        "unidbg whatis :1234 0x104020", "unidbg whatis @hello '$rsp'", "unidbg whatis @hello '&heartbeats'"
    ),
)
@target
@click.argument("where", metavar="ADDR")
@guest_settings
def command(target: str, where: str, settings: Settings) -> None:
    """Say what an address is.

    ADDR is an address, a symbol or an expression. All that covers it is listed: a symbol, the stack of a
    thread and the frame, a heap block with its start, a packet in a ring, a device, a page and its rights.
    """
    with opening.open_session(target, settings) as session:
        present(lambda: session.whatis(where), settings)
