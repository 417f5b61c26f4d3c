"""`unidbg dump`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.exits import ANSWERED, NEGATIVE, Unanswered
from unidbg.cli.options import IMAGE, TIMEOUT, Settings, settings, target

if TYPE_CHECKING:
    from unidbg.cli.dumping import Dumped


@click.command(
    "dump",
    cls=Command,
    epilog=examples(
        "unidbg dump @hello -o hello.core",
        "unidbg dump @hello -o hello.core.zst --zstd",
        "unidbg dump @hello -o - | gzip > hello.core.gz",
        "unidbg dump hello.core --check",
    ),
)
@target
@click.option("-o", "--output", metavar="FILE", help="The core to write; - is stdout.")
@click.option("--zstd", "pack", is_flag=True, help="Pack it; every command opens it so.")
@click.option("--check", "only_check", is_flag=True, help="Hold a core against its own digest instead.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@settings(IMAGE, TIMEOUT)
def command(
    target: str, output: str | None, pack: bool, only_check: bool, force: bool, settings: Settings
) -> None:
    """Write a guest, live or dead, into one ELF core.

    The core has every vCPU, all memory by virtual and physical address, and what the guest was: images with
    their bias, stop reason, console and probes. gdb and LLDB open it too. The guest stands while it is
    written. With --check exit code 1 says that the core is not as it was written.
    """
    if only_check:
        sys.exit(_check(target))
    if output is None:
        raise click.UsageError("where to? give -o FILE, or -o - for stdout", click.get_current_context())
    _refuse(output, force)
    from unidbg.cli.dumping import dump
    from unidbg.cli.progress import progress

    with opening.open_session(target, settings) as session, progress("dump") as tick:
        dumped = dump(session, output, pack=pack, tick=tick)
    click.echo(summary(dumped), err=output == "-")


def _refuse(output: str, force: bool) -> None:
    """What must not happen: a core on the terminal, or over a file."""
    if output == "-" and sys.stdout.isatty():
        raise Unanswered("a core is nothing for a terminal", "send it through a pipe, or give -o FILE")
    if output != "-" and os.path.exists(output) and not force:
        raise Unanswered(f"{output} is there already", "give another name, or --force")


def _check(path: str) -> int:
    from unidbg.cli.dumping import check_core

    whole = check_core(path)
    click.echo(f"{path}: " + ("as it was written" if whole else "not as it was written"))
    return ANSWERED if whole else NEGATIVE


def summary(dumped: Dumped) -> str:
    """What was done, in a line or two."""
    from unidbg.render import units

    written = dumped.written
    where = "stdout" if dumped.path == "-" else dumped.path
    sizes = units.size(written.memory_bytes), units.size(written.data_bytes)
    parts = [
        f"{sizes[0]} of memory ({sizes[1]} not zero) by {dumped.way}",
        units.plural(dumped.vcpus, "vCPU"),
    ]
    if dumped.stopped_ns is not None:
        parts.append(f"guest stopped for {units.duration(dumped.stopped_ns)}")
    if dumped.unreadable_bytes:
        parts.append(f"{units.size(dumped.unreadable_bytes)} could not be read and are zeros")
    return f"{where}: {', '.join(parts)}\nsha256 of what is not zero: {written.digest.hex()}"
