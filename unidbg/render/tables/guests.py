"""What the host knows: started guests, and the verdicts of `doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.views.host import Diagnosis, DoctorReport, DumpReport, Guest, GuestsReport

_VERDICTS = {"ok": ("ok", cells.GOOD), "warning": ("warn", cells.WARN), "failed": ("FAIL", cells.BAD)}


def guests(view: GuestsReport, page: Page) -> Sequence[RenderableType]:
    """A line for each guest, and below it the lines into it, as long as they are: each is a TARGET."""
    if not view.guests:
        return [Text("no guest is running; start one with: unidbg run IMAGE")]
    return [part for guest in view.guests for part in (_guest(guest), *(_ways(guest) if guest.alive else ()))]


def _guest(guest: Guest) -> Text:
    pieces = [
        cells.guest(f"@{guest.name}", cells.HEAD),
        Text("running" if guest.alive else "ended", style=cells.GOOD if guest.alive else cells.BAD),
        Text(f"up {units.duration(guest.uptime_s * 1_000_000_000)}" if guest.alive else ""),
        Text(f"pid {guest.pid}", style=cells.DIM),
        cells.guest(f"{guest.machine}, {guest.accelerator}", cells.DIM),
        cells.guest(guest.image.rsplit("/", 1)[-1]),
    ]
    return layout.sequence(pieces)


def _ways(guest: Guest) -> Iterator[Text]:
    leads = ((f"{one.protocol} {one.guest_port}", one.host) for one in guest.forwards)
    rows = [*((line.kind, line.url) for line in guest.lines), *leads, ("log", guest.log)]
    for kind, where in rows:
        text = Text.assemble("  ", cells.guest(f"{kind:<8}", cells.DIM), "  ", cells.guest(where))
        yield layout.unfolded(text)


def doctor(view: DoctorReport, page: Page) -> Sequence[RenderableType]:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, style=cells.HEAD)
    grid.add_column(overflow="fold")
    for diagnosis in view.diagnoses:
        verdict, style = _VERDICTS.get(diagnosis.verdict, ("-", cells.DIM))
        grid.add_row(Text(verdict, style=style), cells.guest(diagnosis.subject), _detail(diagnosis, page))
    return [grid, _summary(view)]


def _detail(diagnosis: Diagnosis, page: Page) -> Text:
    text = cells.guest(diagnosis.detail)
    if diagnosis.remedy:
        text = Text.assemble(
            text, "\n", ("→ " if page.unicode else "-> ", cells.DIM), cells.guest(diagnosis.remedy)
        )
    return text


def dump(view: DumpReport, page: Page) -> Sequence[RenderableType]:
    """What was written, or whether it still is as it was."""
    where = "stdout" if view.path == "-" else view.path
    if view.data_bytes is None:
        verdict = ("as it was written", cells.GOOD) if view.intact else ("not as it was written", cells.BAD)
        return [Text.assemble(cells.guest(where, cells.HEAD), ": ", verdict)]
    parts = [
        f"{units.size(view.memory_bytes)} of memory ({units.size(view.data_bytes)} not zero) by {view.access}"
    ]
    parts += [units.plural(view.vcpus, "vCPU")] if view.vcpus is not None else []
    parts += [f"guest stopped for {units.duration(view.stopped_ns)}"] if view.stopped_ns is not None else []
    if view.unreadable_bytes:
        parts.append(f"{units.size(view.unreadable_bytes)} could not be read and are zeros")
    return [
        Text.assemble(cells.guest(where, cells.HEAD), ": ", cells.guest(", ".join(parts))),
        cells.guest(f"sha256 of what is not zero: {view.digest}", cells.DIM),
    ]


def _summary(view: DoctorReport) -> Text:
    failed = [one for one in view.diagnoses if one.verdict == "failed"]
    if any(one.essential for one in failed):
        return Text("something essential is missing", style=cells.BAD)
    return Text("all that is needed is there", style=cells.GOOD)
