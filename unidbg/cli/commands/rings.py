"""`unidbg rings`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from unidbg.cli import opening
from unidbg.cli.command import Command, examples
from unidbg.cli.exits import Unanswered
from unidbg.cli.options import Settings, guest_settings, target_or_configured
from unidbg.cli.out import present

if TYPE_CHECKING:
    from unidbg.views.base import Absent, View


@click.command(
    "rings",
    cls=Command,
    epilog=examples(
        "unidbg rings :1234",
        "unidbg rings @hello --packets",
        "unidbg rings @hello --pcapng hello.pcapng",
        "unidbg rings @hello --pcapng - | tshark -r -",
    ),
)
@target_or_configured
@click.option("--packets", is_flag=True, help="Decode the packets that lie in the slots.")
@click.option(
    "--pcapng",
    "path",
    metavar="FILE",
    type=click.Path(),
    help="Write those packets for Wireshark, each with a comment: ring, slot, state; -: to stdout.",
)
@guest_settings
def command(target: str, packets: bool, path: str | None, settings: Settings) -> None:
    """Show packet rings, virtqueues and what lies in them.

    The driver's rings, and the virtqueues under them: chains of descriptors, avail, used, in flight, event
    suppression; a ring that does not move though it should says so. A frame stays in memory until its slot is
    used again, so --packets shows the last ones too, as they came in and went out.
    """
    if path is not None and (settings.json or settings.watch is not None):
        raise click.UsageError("--pcapng writes one file: it goes with neither --json nor --watch")
    with opening.open_session(target, settings) as session:
        if path is not None:
            _save(session.packets(), path)
        else:
            present(session.packets if packets else lambda: session.view("rings"), settings)


def _save(view: View | Absent, path: str) -> None:
    from unidbg import __version__
    from unidbg.cli.files import write_file
    from unidbg.render.escape import escape
    from unidbg.render.pcapng import packet_count, pcapng
    from unidbg.render.units import plural
    from unidbg.views.network import RingsView

    if not isinstance(view, RingsView):
        raise Unanswered(f"rings: {getattr(view, 'reason', '')}", getattr(view, "remedy", ""))
    write_file(path, pcapng(view, f"unidbg {__version__}"))
    said = f"{plural(packet_count(view), 'packet')} of {plural(len(view.rings), 'ring')}"
    doubts = f"; {plural(len(view.faults), 'place')} could not be believed: unidbg rings says which"
    print(
        f"{said} written to {'stdout' if path == '-' else escape(path)}{doubts if view.faults else ''}",
        file=sys.stderr,
    )
