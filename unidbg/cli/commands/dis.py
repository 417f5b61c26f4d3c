"""`unidbg dis`."""

from __future__ import annotations

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import SOURCE, THREAD, Settings, guest_settings, target
from unidbg.cli.out import present


@click.command(
    "dis",
    cls=Command,
    epilog=examples(
        "unidbg dis :1234",
        "unidbg dis :1234 app_main -n 40",
        "unidbg dis @hello 0x100099",
        "unidbg dis @hello --source",
    ),
)
@target
@click.argument("where", required=False)
@click.option(
    "-n", "--count", type=click.IntRange(1, 10_000), default=16, show_default=True, help="Instructions."
)
@THREAD
@SOURCE
@guest_settings
def command(
    target: str, where: str | None, count: int, thread: str | None, source: bool, settings: Settings
) -> None:
    """Disassemble.

    WHERE is a symbol, an address or an expression; without it the next instructions of the thread that
    stopped. Targets of branches and of relative operands are named. Breakpoints show the original bytes.
    """
    with opening.open_session(target, settings) as session:
        present(lambda: session.disassemble(where, count, thread, source=source), settings)
