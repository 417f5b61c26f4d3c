"""The guests that `unidbg run` started, as `unidbg.target.guests` registers them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unidbg.target.guests import GuestRecord
    from unidbg.views.host import Guest, GuestsReport


def report() -> GuestsReport:
    """All registered guests, by name."""
    from unidbg.target.guests import registered
    from unidbg.views.host import GuestsReport

    return GuestsReport(tuple(view(record) for record in registered()))


def guest_names() -> list[str]:
    """`@NAME` of each guest, for completion."""
    from unidbg.target.guests import registered

    return [f"@{record.name}" for record in registered()]


def stop(names: Iterable[str]) -> GuestsReport:
    """End these guests (`@NAME`); what they were. ConfigError for a name that is not registered."""
    from unidbg.target.guests import stop as end
    from unidbg.views.host import GuestsReport

    return GuestsReport(tuple(replace(view(end(name.removeprefix("@"))), alive=False) for name in names))


def view(record: GuestRecord) -> Guest:
    """What a record of the registry says, for people and scripts."""
    from unidbg.views.host import Forward, Guest, Line

    return Guest(
        name=record.name,
        image=record.image,
        pid=record.pid,
        alive=record.alive,
        machine=record.machine,
        accelerator=record.accelerator,
        started_unix_s=int(record.started),
        uptime_s=max(0, int(time.time() - record.started)),
        log=record.log,
        lines=tuple(Line(kind, url) for kind, url in record.lines.items()),
        forwards=tuple(
            Forward(protocol, f"127.0.0.1:{host_port}", guest_port)
            for protocol, host_port, guest_port in record.forwards
        ),
    )
