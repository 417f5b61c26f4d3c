"""What stands under every view: faults, and where the data comes from."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, units
from unidbg.render.cells import Page
from unidbg.views.base import Fault, ImageIdentity, Provenance


def fault_lines(faults: Sequence[Fault], page: Page) -> list[RenderableType]:
    """A heading and one line for each fault; nothing on a healthy guest."""
    if not faults:
        return []
    title = units.plural(len(faults), "place") + " in the guest's data could not be believed:"
    return [Text(title, style=cells.WARN), *(_fault_line(fault) for fault in faults)]


def _fault_line(fault: Fault) -> Text:
    text = Text.assemble(("  ! ", cells.WARN), cells.guest(fault.where, cells.HEAD))
    if fault.address is not None:
        text = Text.assemble(text, " at ", cells.address(fault.address))
    return Text.assemble(text, ": " if text.plain else "", cells.guest(fault.reason))


def provenance_line(provenance: Provenance, page: Page) -> Text:
    """Target, way of reading, images and how surely they are the guest's, how long the guest stood still."""
    dash, dot = ("── ", " · ") if page.unicode else ("-- ", " | ")
    way = Text.assemble(cells.guest(provenance.target), " by ", cells.guest(provenance.access))
    images = [_image(image) for image in provenance.images] or [Text("no image")]
    profile = cells.guest(f"profile {provenance.profile}" if provenance.profile else "")
    pieces = [piece for piece in (way, *images, profile, Text(_stopped(provenance))) if piece.plain]
    text = _flow(pieces, dash, dot, page.width)
    text.stylize(cells.DIM)
    return text


def _flow(pieces: Sequence[Text], head: str, separator: str, width: int) -> Text:
    """Pieces one after the other; a line ends between two of them rather than inside one."""
    lines = [Text(head)]
    for piece in pieces:
        gap = "" if lines[-1].plain in (head, "   ") else separator
        if gap and lines[-1].cell_len + len(gap) + piece.cell_len > width:
            lines.append(Text("   "))
            gap = ""
        lines[-1] = Text.assemble(lines[-1], gap, piece)
    return Text("\n").join(lines)


def _image(image: ImageIdentity) -> Text:
    identity = f" {image.identity[:8]}" if image.identity else ""
    bias = f" at bias {image.bias:#x}" if image.bias else ""
    surely = "unverified" if image.verified == "unverified" else f"verified by {image.verified}"
    return cells.guest(f"{image.path.rsplit('/', 1)[-1]}{bias}{identity} {surely}")


def _stopped(provenance: Provenance) -> str:
    if provenance.access == "image":
        return ""
    if provenance.consistency == "racy":
        return "read while it ran"
    if provenance.stopped_ns is None:
        return "guest stands still"
    return f"guest stopped for {units.duration(provenance.stopped_ns)}"
