"""What stands under every view: faults, and where the data comes from."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, layout, units
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
    pieces = _of_file(provenance) if provenance.access == "image" else _of_guest(provenance)
    text = layout.flow(pieces, page.width, head=dash, separator=dot)
    text.stylize(cells.DIM)
    return text


def _of_file(provenance: Provenance) -> list[Text]:
    identities = [f"build-id {image.identity[:8]}" for image in provenance.images if image.identity]
    return [cells.guest(provenance.target), *map(cells.guest, identities)]


def _of_guest(provenance: Provenance) -> list[Text]:
    way = Text.assemble(cells.guest(provenance.target), " by ", cells.guest(provenance.access))
    images = [_image(image) for image in provenance.images] or [Text("no image")]
    profile = cells.guest(f"profile {provenance.profile}" if provenance.profile else "")
    return [way, *images, profile, Text(_stopped(provenance))]


def _image(image: ImageIdentity) -> Text:
    identity = f" {image.identity[:8]}" if image.identity else ""
    bias = f" at bias {image.bias:#x}" if image.bias else ""
    surely = "unverified" if image.verified == "unverified" else f"verified by {image.verified}"
    return cells.guest(f"{image.path.rsplit('/', 1)[-1]}{bias}{identity} {surely}")


def _stopped(provenance: Provenance) -> str:
    if provenance.consistency == "racy":
        return "read while it ran"
    if provenance.stopped_ns is None:
        return "guest stands still"
    return f"guest stopped for {units.duration(provenance.stopped_ns)}"
