"""Opening a session as the shared options say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from unidbg.cli.options import Settings

LONG = 0.5
"""Seconds that a guest stands for one question without a word before."""

if TYPE_CHECKING:
    from unidbg.profiles.burden import Burden
    from unidbg.session import ImageSpec, Session
    from unidbg.transport.line import Line


def open_session(target: str, settings: Settings) -> Session:
    """A session on TARGET; its context manager lets the guest go however the command ends."""
    from unidbg.session import ImageSpec, Session

    images = [ImageSpec(path, bias) for path, bias in settings.images]
    session = Session.open(target, images=images, timeout=settings.timeout)
    if note := getattr(session.target, "note", ""):
        click.echo(f"unidbg: {note}", err=True)
    session.announce = _announce
    return session


def _announce(burden: Burden) -> None:
    """Warn of a long stop."""
    if burden.seconds >= LONG:
        click.echo(
            f"unidbg: {burden.bytes >> 10} KiB are to be read over the stub's line: the guest stands for"
            f" about {burden.seconds:.0f} s, or until Ctrl-C. A guest in QEMU is read in milliseconds through"
            " qmp:PATH (`unidbg ls` shows the paths)",
            err=True,
        )


def line_of(target: str, settings: Settings) -> Callable[[], Line] | None:
    """What opens the line to the stub of TARGET, without a word; `None` for a target that has none."""
    from unidbg.target.opening import wait_until_taken_up
    from unidbg.target.registry import find
    from unidbg.transport.opening import open_line
    from unidbg.transport.sockets import SocketLine
    from unidbg.transport.url import GuestName, PidAddress, QmpAddress, parse_url

    address = parse_url(target)
    if isinstance(address, GuestName):
        stub = find(address.name).lines.get("stub")
        if stub is None:
            return None
        address = parse_url(stub)
    if isinstance(address, QmpAddress | PidAddress):
        return None

    def connect() -> Line:
        line = open_line(address, settings.timeout)
        if isinstance(line, SocketLine):
            try:
                wait_until_taken_up(line, settings.timeout)
            except BaseException:
                line.close()
                raise
        return line

    return connect


def images_of(target: str, settings: Settings) -> list[ImageSpec]:
    """The images that were given, else that of a guest of ours, without asking the guest."""
    from unidbg.session import ImageSpec
    from unidbg.target.registry import record_behind

    if settings.images:
        return [ImageSpec(path, bias) for path, bias in settings.images]
    record = record_behind(target)
    return [ImageSpec(record.image)] if record is not None else []
