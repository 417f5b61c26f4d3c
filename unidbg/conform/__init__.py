"""A conformance suite: what a stub can do, tried over the wire. The guest is left as it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unidbg.views.conformance import ConformanceReport

__all__ = ["conform"]


def conform(url: str, *, timeout: float = 5.0) -> ConformanceReport:
    """Try everything at the stub that `url` names. Errors as those of `open_target`."""
    from unidbg.conform.suite import conform as conform_now

    return conform_now(url, timeout)
