"""What the host knows: started guests, and the verdicts of `doctor`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from unidbg.render import cells, layout
from unidbg.render.cells import Page
from unidbg.views.host import Diagnosis, DoctorReport, Guest, GuestsReport

_VERDICTS = {"ok": ("ok", cells.GOOD), "warning": ("warn", cells.WARN), "failed": ("FAIL", cells.BAD)}


def guests(view: GuestsReport, page: Page) -> Sequence[RenderableType]:
    if not view.guests:
        return [Text("no guest is running; start one with: unidbg run IMAGE")]
    rows = [_guest(guest) for guest in view.guests]
    return [layout.table(("!name", "state", ">!pid", "machine", "image", "ways in"), rows)]


def _guest(guest: Guest) -> Sequence[Text]:
    state = Text("running", style=cells.GOOD) if guest.alive else Text("ended", style=cells.BAD)
    return (
        cells.guest(f"@{guest.name}", cells.HEAD),
        state,
        Text(str(guest.pid)),
        cells.guest(f"{guest.machine}, {guest.accelerator}"),
        cells.guest(guest.image.rsplit("/", 1)[-1]),
        Text("\n").join(
            Text.assemble(cells.guest(f"{line.kind} ", cells.DIM), cells.guest(line.url))
            for line in guest.lines
        ),
    )


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


def _summary(view: DoctorReport) -> Text:
    failed = [one for one in view.diagnoses if one.verdict == "failed"]
    if any(one.essential for one in failed):
        return Text("something essential is missing", style=cells.BAD)
    return Text("all that is needed is there", style=cells.GOOD)
