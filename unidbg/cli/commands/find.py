"""`unidbg find`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import Settings, guest_settings, target
from unidbg.cli.out import present

if TYPE_CHECKING:
    from unidbg.profiles.find import Pattern
    from unidbg.session import Session


@click.command(
    "find",
    cls=Command,
    epilog=examples(
        "unidbg find :1234 --text 'GET /'",
        "unidbg find @hello --bytes 7f454c46",
        "unidbg find @hello --pointer '&heartbeats'",
        "unidbg find @hello --pointer 0x200000,4096 --limit 20",
    ),
)
@target
@click.option("--text", metavar="TEXT", help="Look for the bytes of a text, in UTF-8.")
@click.option("--bytes", "digits", metavar="HEX", help="Look for bytes, in hexadecimal.")
@click.option(
    "--pointer",
    metavar="ADDR[,LENGTH]",
    help="Look for words that point to ADDR, or to LENGTH bytes from there.",
)
@click.option("--limit", type=click.IntRange(1), default=100, help="List so many places.", show_default=True)
@click.option("--everything", is_flag=True, help="Search all that is mapped, stale memory too.")
@guest_settings
def command(
    target: str,
    text: str | None,
    digits: str | None,
    pointer: str | None,
    limit: int,
    everything: bool,
    settings: Settings,
) -> None:
    """Find bytes, a text or pointers in guest memory.

    Searched are statics, stacks, the heap, pages in use and the image; with --everything all that is mapped,
    free memory too.
    """
    if sum(given is not None for given in (text, digits, pointer)) != 1:
        raise click.UsageError("say what to look for: one of --text, --bytes and --pointer")
    needle = _needle(text, digits)
    with opening.open_session(target, settings) as session:
        pattern = needle or _pointer(session, pointer or "")
        present(lambda: session.find(pattern, limit, everything), settings)


def _needle(text: str | None, digits: str | None) -> Pattern | None:
    from unidbg.profiles.find import Pattern

    if text is not None:
        if not text:
            raise click.UsageError("--text is empty")
        return Pattern(repr(text), text.encode())
    if digits is None:
        return None
    try:
        needle = bytes.fromhex(digits.removeprefix("0x"))
    except ValueError:
        needle = b""
    if not needle:
        raise click.UsageError(f"--bytes {digits!r} are no hexadecimal digits, two a byte")
    return Pattern(needle.hex(" "), needle)


def _pointer(session: Session, text: str) -> Pattern:
    """Words that point to `ADDR[,LENGTH]`: one byte where no length is given."""
    from unidbg.profiles.find import Pattern

    where, _, length = text.partition(",")
    try:
        count = int(length, 0) if length else 1
    except ValueError:
        count = 0
    if count < 1:
        raise click.UsageError(f"--pointer {text!r}: {length!r} is no length in bytes")
    low = session.address(where)
    shown = f"pointers to {low:#x}" + (f"..{low + count:#x}" if count > 1 else "")
    return Pattern(shown, b"", low, low + count)
