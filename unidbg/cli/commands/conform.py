"""`unidbg conform`."""

from __future__ import annotations

import sys

import click

from unidbg.cli.command import Command, examples
from unidbg.cli.exits import ANSWERED, NEGATIVE
from unidbg.cli.options import COLOR, JSON, TIMEOUT, Settings, settings, target
from unidbg.cli.out import present


@click.command(
    "conform",
    cls=Command,
    epilog=examples("unidbg conform :1234", "unidbg conform @hello", "unidbg conform :1234 --json"),
)
@target
@settings(JSON, TIMEOUT, COLOR)
def command(target: str, settings: Settings) -> None:
    """Try what a stub can do, and print its capability table.

    Any stub: unidbg's own, QEMU's, a kernel's. Packets are tried, right ones and damaged ones; registers and
    memory are written and put back; breakpoints are run into on code that is put in place of the guest's
    for a moment. The guest is left as it was found. Exit code 1 if something is done wrongly, or something
    that every debugger needs is missing.
    """
    from unidbg import conform

    report = conform.conform(target, timeout=settings.timeout)
    present(lambda: report, settings)
    sys.exit(ANSWERED if report.conforms else NEGATIVE)
