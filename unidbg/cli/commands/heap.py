"""`unidbg heap`."""

from __future__ import annotations

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, guest_settings, target_or_configured
from unidbg.cli.out import present

LISTED = 100
"""Blocks that are listed where nobody says how many."""


@click.command(
    "heap",
    cls=Command,
    epilog=examples("unidbg heap :1234", "unidbg heap @hello --json", "unidbg heap @hello --blocks"),
)
@target_or_configured
@click.option("--blocks", is_flag=True, help="Walk the blocks: address, size, state, call site, integrity.")
@click.option(
    "--limit", type=click.IntRange(0), metavar="N",
    help=f"With --blocks: list so many; {LISTED} where nothing is said.",
)  # fmt: skip
@guest_settings
def command(target: str, blocks: bool, limit: int | None, settings: Settings) -> None:
    """Show the allocator, and who holds its blocks.

    Bounds, live and peak bytes, allocations, and the page bitmap, counted against what the allocator says.
    What is live is summed up by the function that allocated it, where blocks have headers that tell.
    With --blocks every header is checked, and a broken link is named with the block before it: whoever
    allocated that one wrote past its end, most likely.
    """
    if limit is not None and not blocks:
        raise click.UsageError("--limit goes with --blocks")
    with opening.open_session(target, settings) as session:
        if blocks:
            present(lambda: session.blocks(LISTED if limit is None else limit), settings)
        else:
            present(lambda: session.view("heap"), settings)
