"""`unidbg regs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.options import THREAD, Settings, guest_settings, target
from unidbg.cli.out import present

if TYPE_CHECKING:
    from unidbg.views.inspect import RegistersView

BULKY = ("float", "vector")


@click.command(
    "regs", cls=Command, epilog=examples("unidbg regs :1234", "unidbg regs @hello --thread 2 --all")
)
@target
@THREAD
@click.option("--all", "every", is_flag=True, help="Floating point and vector registers too.")
@guest_settings
def command(target: str, thread: str | None, every: bool, settings: Settings) -> None:
    """Show the registers of a thread.

    General, segment and control registers, with their flags decoded. Without --thread of the thread that
    stopped.
    """
    with opening.open_session(target, settings) as session:
        present(lambda: _chosen(session.registers(thread), every), settings)


def _chosen(view: RegistersView, every: bool) -> RegistersView:
    """The view without the registers that fill a screen and rarely matter to a kernel."""
    from dataclasses import replace

    kept = (register for register in view.registers if every or register.group not in BULKY)
    return replace(view, registers=tuple(kept))
