"""`unidbg bt`."""

from __future__ import annotations

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import SOURCE, THREAD, Settings, guest_settings, target
from unidbg.cli.out import present


@click.command(
    "bt",
    cls=Command,
    epilog=examples("unidbg bt :1234", "unidbg bt @hello --all", "unidbg bt @hello --source"),
)
@target
@THREAD
@click.option("--all", "every", is_flag=True, help="Of all vCPUs and threads.")
@SOURCE
@guest_settings
def command(target: str, thread: str | None, every: bool, source: bool, settings: Settings) -> None:
    """Show a backtrace.

    Frames come from call frame information where the image has it, else from frame pointers; a frame that is
    no more than a guess says so. Each shows its arguments and local variables as far as the compiler kept
    them. Without --thread of the thread that stopped.
    """
    if every and thread is not None:
        raise click.UsageError("--all and --thread exclude each other")
    with opening.open_session(target, settings) as session:
        present(lambda: session.backtrace(thread, every=every, source=source), settings)
