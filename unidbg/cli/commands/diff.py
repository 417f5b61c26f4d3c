"""`unidbg diff`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.exits import NEGATIVE
from unidbg.cli.options import Settings, guest_settings, target
from unidbg.cli.out import present
from unidbg.cli.parameters import SecondsType, TargetType

if TYPE_CHECKING:
    from unidbg.session import Session
    from unidbg.views.base import Absent, View
    from unidbg.views.forensics import DiffView

LEFT_OUT = ("overview", "threads", "log")
"""What says nothing as a list of fields, or says it again."""


@click.command(
    "diff",
    cls=Command,
    epilog=examples(
        "unidbg diff @hello --after 1",
        "unidbg diff @hello --after 1 --growth",
        "unidbg diff @hello @httpd --json",
    ),
)
@target
@click.argument("other", metavar="[TARGET]", type=TargetType(), required=False)
@click.option(
    "--after", type=SecondsType(0.05), metavar="SECONDS", help="Compare the guest with itself, so much later."
)
@click.option("--growth", is_flag=True, help="Show only what became more, and which blocks of the heap did.")
@click.option("--exit-code", "verdict", is_flag=True, help="Exit with 1 when there is a difference.")
@guest_settings
def command(
    target: str, other: str | None, after: float | None, growth: bool, verdict: bool, settings: Settings
) -> None:
    """Show what changed between two dumps or two moments.

    All views are compared field by field: of two targets, or of one guest at two moments (--after). Lists
    whose elements have names are compared by them. With --growth only numbers that became more are shown, the
    most first, and live heap blocks by size and call site.
    """
    if (other is None) == (after is None):
        raise click.UsageError("compare with what? give a second TARGET, or --after SECONDS")
    made: list[DiffView] = []

    def produce() -> DiffView:
        made.append(
            _moments(target, after, growth, settings)
            if after
            else _two(target, other or "", growth, settings)
        )
        return made[-1]

    present(produce, settings)
    if verdict and (made[-1].differences or made[-1].growth):
        raise click.exceptions.Exit(NEGATIVE)


def _two(before: str, after: str, growth: bool, settings: Settings) -> DiffView:
    with opening.open_session(before, settings) as first:
        old = _taken(first, growth)
    with opening.open_session(after, settings) as second:
        return _view(second, old, _taken(second, growth), before, after, growth)


def _moments(target: str, seconds: float, growth: bool, settings: Settings) -> DiffView:
    with opening.open_session(target, settings) as session:
        old = _taken(session, growth)
        time.sleep(seconds)
        return _view(session, old, _taken(session, growth), target, f"{seconds:g} s later", growth)


Taken = tuple["dict[str, View | Absent]", "View | Absent | None"]


def _taken(session: Session, growth: bool) -> Taken:
    names = [name for name in session.VIEWS if name not in LEFT_OUT]
    views = dict(session.snapshot(names).views)
    return views, session.blocks(0) if growth else None


def _view(session: Session, old: Taken, new: Taken, before: str, after: str, growth: bool) -> DiffView:
    from unidbg.checks.differences import differences, group_growth, grown
    from unidbg.views.forensics import BlocksView, DiffView

    found = differences(old[0], new[0])
    more = (
        group_growth(old[1].groups, new[1].groups)
        if isinstance(old[1], BlocksView) and isinstance(new[1], BlocksView)
        else ()
    )
    return DiffView(session.provenance(), (), before, after, grown(found) if growth else found, more)
