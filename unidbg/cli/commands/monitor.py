"""`unidbg monitor`."""

from __future__ import annotations

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, guest_settings, target
from unidbg.cli.out import present
from unidbg.views.inspect import MonitorView


@click.command(
    "monitor",
    cls=Command,
    epilog=examples("unidbg monitor :1234 stats", "unidbg monitor :1234 info registers -a"),
    context_settings={"ignore_unknown_options": True},
)
@target
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@guest_settings
def command(target: str, words: tuple[str, ...], settings: Settings) -> None:
    """Send a command to the guest's stub.

    What gdb's `monitor` does: unidbg's own stub answers `stats` and `help`, QEMU's stub takes any command of
    its monitor. Such a command may change the guest: this is the only one here that is not read-only.
    """
    line = " ".join(words)
    with opening.open_session(target, settings) as session:
        present(lambda: MonitorView(session.provenance(), (), line, session.monitor(line)), settings)
