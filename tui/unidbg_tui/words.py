"""Facts in words: places, addresses, ranges, states. Numbers with units come from `unidbg.render.units`."""

from __future__ import annotations

from os.path import basename

from unidbg.render import units
from unidbg.views.base import Location, Range
from unidbg.views.system import PageBitmap, PageCounts, Region, Thread, Timer
from unidbg_tui.cells import ABSENT, Cell, Line, Role, SortKey, Span, guest, line

NONE = Span("-", "dim")


def place(location: Location | None, *, source: bool = True) -> Line:
    """`symbol+0x12 file.c:34`; the bare address where no symbol is known."""
    if location is None:
        return (NONE,)
    if location.symbol is None:
        return (Span(address(location.address)),)
    offset = f"+{location.offset:#x}" if location.offset else ""
    named = line(guest(location.symbol, "strong"), Span(offset, "dim"))
    if not source or location.file is None:
        return named
    number = "" if location.line is None else f":{location.line}"
    return (*named, guest(f" {basename(location.file)}{number}", "dim"))


def address(value: int) -> str:
    """`0x1000`."""
    return f"{value:#x}"


def place_cell(location: Location | None) -> Cell:
    """A cell sorted by the name of the place."""
    if location is None:
        return Cell((NONE,), ABSENT)
    return Cell(place(location), (1, location.symbol or address(location.address)))


def address_cell(value: int | None) -> Cell:
    """A cell sorted by the address."""
    return Cell((NONE,), ABSENT) if value is None else Cell((Span(address(value)),), (0, value))


def extent(span: Range | None) -> Line:
    """`0x1000..0x2000  4 KiB`."""
    if span is None:
        return (NONE,)
    return line(f"{span.start:#x}..{span.end:#x}", Span(f"  {units.size(span.end - span.start)}", "dim"))


def range_key(span: Range | None) -> SortKey:
    """Compares ranges: both ends matter."""
    return ABSENT if span is None else (1, f"{span.start:x}-{span.end:x}")


def due(timer: Timer, now_ns: int) -> Span:
    """When a timer is due, as the loop's own clock sees it."""
    if timer.overdue_ns:
        return Span(f"{units.duration(timer.overdue_ns)} overdue", "warn")
    return Span(f"in {units.duration(max(0, timer.deadline_ns - now_ns))}")


def permissions(region: Region) -> Span:
    """`rw-`, `r-x`, and `u` for user pages; writable and executable is bad."""
    letters = "r" + ("w" if region.writable else "-") + ("-" if region.no_execute else "x")
    return Span(
        letters + ("u" if region.user else "-"), "bad" if region.writable and not region.no_execute else ""
    )


def protection(pages: PageCounts) -> Span:
    """The verdict on writable-and-executable pages."""
    if pages.writable_executable:
        return Span(f"W+X: {units.plural(pages.writable_executable, 'page')}", "bad")
    return Span("W^X holds", "good")


def bitmap_verdict(pages: PageBitmap) -> Span:
    """Whether the page bitmap and its counter agree."""
    if pages.free_counted is None:
        return Span("bitmap not counted", "dim")
    if pages.free_counted == pages.free:
        return Span("bitmap agrees", "good")
    return Span(f"bitmap has {units.count(pages.free_counted)} free", "bad")


STATE_ROLES: dict[str, Role] = {"running": "good", "stopped": "accent", "halted": "dim", "exited": "bad"}


def state_role(state: str) -> Role:
    """The colour of a state; words of the guest's own stay plain."""
    return STATE_ROLES.get(state, "strong")


def dot(thread: Thread) -> Span:
    """A coloured dot for a thread's state; its shape tells the state without colour."""
    shape = {"running": "●", "halted": "○", "stopped": "■"}.get(thread.state, "◆")
    return Span(shape, state_role(thread.state))


def rate(per_second: float | None) -> str:
    """`12.5/s`, `1.2 k/s`."""
    if per_second is None:
        return "-/s"
    for divisor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if per_second >= divisor:
            return f"{_short(per_second / divisor)} {unit}/s"
    return f"{_short(per_second)}/s"


def _short(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}"


def standpoint(thread: Thread) -> int:
    """The index of the frame to begin to look at: the one to blame where the guest has died."""
    return min(thread.culprit or 0, max(0, len(thread.frames) - 1))
