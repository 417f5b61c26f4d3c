"""The guests that `unidbg run` started, as the registry of `unidbg.target.guests` has them."""

from __future__ import annotations

from unidbg.views.host import GuestsReport


def report() -> GuestsReport:
    """All registered guests, by name."""
    return GuestsReport(())


def guest_names() -> list[str]:
    """`@NAME` of each guest, for completion."""
    return []
