"""`unidbg dump`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.exits import ANSWERED, NEGATIVE, Unanswered
from unidbg.cli.options import COLOR, IMAGE, JSON, TIMEOUT, Settings, settings, target
from unidbg.cli.out import present, to_text

if TYPE_CHECKING:
    from unidbg.views.host import DumpReport

TRIES = 120
"""Connections without a new byte after which `--receive` writes what it has: a minute or more."""


@click.command(
    "dump",
    cls=Command,
    epilog=examples(
        "unidbg dump @hello -o hello.core",
        "unidbg dump @hello -o hello.core.zst --zstd",
        "unidbg dump @hello -o - | gzip > hello.core.gz",
        "unidbg dump @hello -o small.core --minimal",
        "unidbg dump serial:/dev/ttyS1 -o crash.core --receive",
        "unidbg dump :1234 -o crash.core --receive --full",
        "unidbg dump hello.core --check",
    ),
)
@target
@click.option("-o", "--output", metavar="FILE", help="The core to write; - is stdout.")
@click.option("--zstd", "pack", is_flag=True, help="Pack it; every command opens it so.")
@click.option("--minimal", is_flag=True, help="Only what the views need: a few hundred KiB, fit for a UART.")
@click.option(
    "--receive", is_flag=True, help="Wait until the guest dies, then the same; a broken line is resumed."
)
@click.option("--full", is_flag=True, help="With --receive: all memory, not only what the views need.")
@click.option("--check", "only_check", is_flag=True, help="Hold a core against its own digest instead.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@settings(IMAGE, JSON, TIMEOUT, COLOR)
def command(
    target: str, output: str | None, settings: Settings, only_check: bool, force: bool, **form: bool
) -> None:
    """Write a guest, live or dead, into one ELF core.

    The core has every vCPU, all memory by virtual and physical address, and what the guest
    was: images with their bias, stop reason, console and probes. gdb and LLDB open it too. The guest stands
    while it is written. With --check exit code 1 says that the core is not as it was written.
    """
    if only_check:
        from unidbg.cli.dumping import check_core

        found = check_core(target)
        present(lambda: found, settings)
        sys.exit(ANSWERED if found.intact else NEGATIVE)
    if output is None:
        raise click.UsageError("where to? give -o FILE, or -o - for stdout", click.get_current_context())
    _refuse(output, force)
    _dump(target, output, settings, **form)


def _dump(target: str, output: str, settings: Settings, **form: bool) -> None:
    report = _report(target, output, settings, **form)
    if output == "-":
        click.echo(to_text(report, settings), err=True, nl=False)
    else:
        present(lambda: report, settings)


def _report(
    target: str, output: str, settings: Settings, *, pack: bool, minimal: bool, receive: bool, full: bool
) -> DumpReport:
    from unidbg.cli import dumping, receiving
    from unidbg.cli.progress import progress

    if receive:
        return _receive(target, output, settings, pack, full)
    with opening.open_session(target, settings) as session:
        if minimal:
            return receiving.minimal(session, output, pack=pack)
        with progress("dump") as tick:
            return dumping.dump(session, output, pack=pack, tick=tick)


def _receive(target: str, output: str, settings: Settings, pack: bool, full: bool) -> DumpReport:
    """By the stub's own stream; by RSP, in the minimal form, where the guest sends none."""
    from unidbg.cli import crashing, receiving
    from unidbg.cli.progress import progress

    line = opening.line_of(target, settings) if output != "-" else None
    if line is not None:
        try:
            with progress("dump") as tick:
                return crashing.receive(
                    line,
                    output,
                    full=full,
                    pack=pack,
                    tries=TRIES,
                    images=opening.images_of(target, settings),
                    say=_say,
                    tick=tick,
                )
        except crashing.NoStream:
            _say("the guest sends no dump by itself: asking for it by RSP, once it stands")
    if full:
        raise Unanswered(
            f"{target} does not send its memory by itself",
            "leave out --full, or dump it while it stands: unidbg dump TARGET -o FILE",
        )
    return receiving.receive(
        lambda: opening.open_session(target, settings), output, pack=pack, tries=TRIES, say=_say
    )


def _say(text: str) -> None:
    from unidbg.render.escape import escape

    click.echo(escape(text), err=True)


def _refuse(output: str, force: bool) -> None:
    """What must not happen: a core on the terminal, or over a file."""
    if output == "-" and sys.stdout.isatty():
        raise Unanswered("a core is nothing for a terminal", "send it through a pipe, or give -o FILE")
    if output != "-" and os.path.exists(output) and not force:
        raise Unanswered(f"{output} is there already", "give another name, or --force")
