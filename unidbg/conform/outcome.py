"""What a probe finds, and the list that every probe enters itself into."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from unidbg.rsp.replies import as_text, error_text, is_error

if TYPE_CHECKING:
    from unidbg.conform.guest import Guest

SHOWN = 40
"""Bytes of a reply that a detail shows."""


class Outcome(NamedTuple):
    """A verdict and what it rests on."""

    verdict: str
    detail: str = ""


Try = Callable[["Guest"], Outcome]


class Probe(NamedTuple):
    """One line of the table."""

    group: str
    name: str
    required: bool
    run: Try


PROBES: list[Probe] = []
"""In the order in which the modules define them."""


def probe(group: str, name: str, *, required: bool = False) -> Callable[[Try], Try]:
    """Enter a function into the list."""

    def enter(run: Try) -> Try:
        PROBES.append(Probe(group, name, required, run))
        return run

    return enter


YES = Outcome("yes")


def yes(detail: str) -> Outcome:
    """It does."""
    return Outcome("yes", detail)


def untested(why: str) -> Outcome:
    """It cannot be tried here."""
    return Outcome("untested", why)


def no(why: str = "") -> Outcome:
    """It does not offer that."""
    return Outcome("no", why)


def wrong(why: str) -> Outcome:
    """It offers that, and does it otherwise than the protocol says."""
    return Outcome("wrong", why)


def judged(reply: bytes, right: bool, expected: str) -> Outcome:
    """`no` for an empty reply or an error, else whether it is right."""
    if not reply:
        return no()
    if right:
        return YES
    if is_error(reply):
        return no(error_text(reply))
    return wrong(f"{expected} expected, not {as_text(reply, SHOWN)}")
