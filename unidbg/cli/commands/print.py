"""`unidbg print`."""

from __future__ import annotations

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import THREAD, Settings, guest_settings, target
from unidbg.cli.out import present


@click.command(
    "print",
    cls=Command,
    epilog=examples("unidbg print :1234 heartbeats", "unidbg print @hello 'loop.timers[0].callback' --json"),
)
@target
@click.argument("expression", metavar="EXPR")
@THREAD
@guest_settings
def command(target: str, expression: str, thread: str | None, settings: Settings) -> None:
    """Show the value of an expression.

    EXPR names a global variable or a register ($rsp), and goes on as in C: members, elements, ->, * and &.
    """
    with opening.open_session(target, settings) as session:
        present(lambda: session.evaluate(expression, thread), settings)
