"""`unidbg diagnose`."""

from __future__ import annotations

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, guest_settings, target_or_configured
from unidbg.cli.out import present, write


@click.command(
    "diagnose",
    cls=Command,
    epilog=examples(
        "unidbg diagnose :1234", "unidbg diagnose @hello --markdown", "unidbg diagnose @hello --json"
    ),
)
@target_or_configured
@click.option("--markdown", is_flag=True, help="As Markdown, for an issue or a chat.")
@guest_settings
def command(target: str, markdown: bool, settings: Settings) -> None:
    """Show the first page of an incident.

    What the guest is, why it stands and who is to blame, what the checks found and what they could not tell,
    the last of the log, and which commands to go on with.
    """
    if markdown and (settings.json or settings.watch is not None):
        raise click.UsageError("--markdown is one page: it goes with neither --json nor --watch")
    with opening.open_session(target, settings) as session:
        if markdown:
            from unidbg.render.markdown import diagnosis

            write(diagnosis(session.diagnosis()))
        else:
            present(session.diagnosis, settings)
