"""Opening a session as the shared options say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from unidbg.cli.options import Settings

if TYPE_CHECKING:
    from unidbg.session import Session


def open_session(target: str, settings: Settings) -> Session:
    """A session on TARGET; its context manager lets the guest go however the command ends."""
    from unidbg.session import ImageSpec, Session

    images = [ImageSpec(path, bias) for path, bias in settings.images]
    session = Session.open(target, images=images, timeout=settings.timeout)
    if note := getattr(session.target, "note", ""):
        click.echo(f"unidbg: {note}", err=True)
    return session
