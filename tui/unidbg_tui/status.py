"""The status bar and the headline in words: pure functions of the model."""

from __future__ import annotations

from collections.abc import Callable

from unidbg.render import units
from unidbg.views.base import Absent, ImageIdentity, Location
from unidbg.views.system import OverviewView
from unidbg_tui import fit, words
from unidbg_tui.cells import Line, Role, Span, guest, line
from unidbg_tui.model import Model

BADGE = Span(" READ-ONLY ", "strong")
_LINK: dict[str, tuple[str, Role]] = {
    "live": ("●", "good"),
    "paused": ("❚❚", "warn"),
    "lost": ("✖", "bad"),
    "opening": ("○", "dim"),
    "dump": ("◆", "accent"),
}
_SEPARATOR = Span(" │ ", "dim")


def status_line(model: Model, now: float, width: int) -> Line:
    """Link, way of reading, stop time, image identity, target, badge: in as much detail as `width` allows."""
    for detail in (2, 1, 0):
        parts = [make(model, now, detail) for make in _PARTS]
        left = _joined([part for part in parts if part])
        if fit.width_of(left) + fit.width_of((BADGE,)) < width:
            break
    return fit.sides(left, (BADGE,), width)


def _joined(parts: list[Line]) -> Line:
    spans: list[Span] = [Span(" ")]
    for number, part in enumerate(parts):
        spans += [_SEPARATOR, *part] if number else part
    return tuple(spans)


def _link(model: Model, now: float, detail: int) -> Line:
    word = model.link.word
    shape, role = _LINK[word]
    said = Span(f"{shape} {word}", role)
    back = model.looking_back
    if word == "dump":
        return (said,)
    if word == "lost":
        return line(said, f" {units.duration(int((now - model.link.since) * 1e9))}")
    if back is not None:
        return line(said, Span(f" -{back:.1f} s", "accent"))
    return line(said, Span(f" {_pace(model)}", "dim"))


def _pace(model: Model) -> str:
    """The rate that was asked for; before it the one that is reached, where a slow line holds it down."""
    asked, reached = model.refresh_hz, model.reached_hz
    if reached is None or reached > 0.8 * asked or model.link.paused:
        return f"{asked:g} Hz"
    return f"{reached:.2g} of {asked:g} Hz"


def _access(model: Model, now: float, detail: int) -> Line:
    provenance = model.provenance
    if provenance is None:
        return ()
    racy = Span(" racy", "warn") if provenance.consistency == "racy" else Span("")
    return line(guest(provenance.access, "strong"), racy)


def _stop_time(model: Model, now: float, detail: int) -> Line:
    moment = model.moment
    if moment is None:
        return ()
    if moment.stopped_ns is None:
        return (Span("no stop", "dim"),)
    word = "stood still " if detail > 1 else "stop "
    spent = Span(f", read in {units.duration(moment.read_ns)}" if detail > 1 else "", "dim")
    return line(Span(word, "dim"), Span(units.duration(moment.stopped_ns), "strong"), spent)


def _identity(model: Model, now: float, detail: int) -> Line:
    provenance = model.provenance
    if provenance is None:
        return ()
    if not provenance.images:
        return (Span("no image", "warn"),)
    image = provenance.images[0]
    more = f" +{len(provenance.images) - 1}" if len(provenance.images) > 1 else ""
    name = guest(image.path.rpartition("/")[2] + " ", "dim") if detail else Span("")
    return line(name, *_verified(image, detail), Span(more, "dim"))


def _verified(image: ImageIdentity, detail: int) -> Line:
    if image.verified == "unverified":
        return (Span("? unverified", "warn"),)
    shown = f" {image.identity[:8]}" if detail and image.identity else ""
    return line(Span(f"✓ {image.verified}", "good"), guest(shown, "dim"))


def _target(model: Model, now: float, detail: int) -> Line:
    return (guest(model.url, "dim"),)


def _faults(model: Model, now: float, detail: int) -> Line:
    faults = model.faults
    return (Span(units.plural(len(faults), "fault"), "bad"),) if faults else ()


_PARTS: tuple[Callable[[Model, float, int], Line], ...] = (
    _link,
    _access,
    _stop_time,
    _identity,
    _faults,
    _target,
)


def about_lines(model: Model) -> list[Line]:
    """Where the facts of the snapshot in view come from, in full."""
    provenance, moment = model.provenance, model.moment
    if provenance is None or moment is None:
        return [(Span("nothing was read yet", "dim"),)]
    stood = "not at all" if moment.stopped_ns is None else units.duration(moment.stopped_ns)
    rows: list[tuple[str, Line]] = [
        ("target", (guest(provenance.target),)),
        ("read by", (guest(provenance.access),)),
        ("consistency", (guest(provenance.consistency),)),
        ("stood still", line(stood, Span(f"  while {units.duration(moment.read_ns)} went by here", "dim"))),
        ("stop number", line(units.count(provenance.stop_number))),
        ("decoded by", line(guest(provenance.profile), Span(" profile", "dim"))),
        ("line lost", line(units.plural(model.link.losses, "time"))),
    ]
    lines = [line(Span(f"{label:<14}", "dim"), *said) for label, said in rows]
    return lines + [row for image in provenance.images for row in _image_lines(image)]


def _image_lines(image: ImageIdentity) -> list[Line]:
    return [
        (),
        line(Span(f"{'image':<14}", "dim"), guest(image.path, "strong")),
        line(Span(f"{'identity':<14}", "dim"), guest(image.identity or "none"), "  ", *_verified(image, 0)),
        line(Span(f"{'bias':<14}", "dim"), f"{image.bias:#x}"),
    ]


def headline(model: Model, width: int) -> Line:
    """The state of the guest in one line: state, place, application, guest clock, faults."""
    overview = model.overview
    if overview is None:
        return (Span("reading the guest ...", "dim"),)
    role = "dim" if model.link.word == "lost" else words.state_role(overview.state)
    left: list[Span] = [Span("■ " if overview.state == "stopped" else "● ", role)]
    left.append(guest(f"was {overview.state}" if model.link.word == "lost" else overview.state, role))
    if overview.reason:
        left += [Span("  "), guest(overview.reason, "dim")]
    if (pc := _whereabouts(overview)) is not None:
        left += [Span("  "), *words.place(pc)]
    right: list[Span] = []
    if not isinstance(overview.app, Absent):
        right += [guest(overview.app.name, "strong")]
    if not isinstance(overview.loop, Absent):
        right += [Span("  clock ", "dim"), Span(units.duration(overview.loop.now_ns))]
    return fit.sides(tuple(left), tuple(right), width)


def _whereabouts(overview: OverviewView) -> Location | None:
    """Where the guest is; where it has died, who is to blame."""
    threads = () if isinstance(overview.threads, Absent) else overview.threads.threads
    dead = next((thread for thread in threads if thread.culprit is not None), None)
    return dead.frames[words.standpoint(dead)].pc if dead and dead.frames else overview.pc


def banner(model: Model, now: float) -> list[Line]:
    """What is said across the screen of a lost guest; empty while the line is up."""
    if model.link.word != "lost":
        return []
    moment = model.moment
    age = 0 if moment is None else int(max(0.0, now - moment.taken_at) * 1e9)
    shown = f"The data shown is {units.duration(age)} old. " if moment is not None else ""
    return [
        line(Span("Lost the guest: ", "bad"), guest(model.link.reason)),
        line(Span(f"{shown}Trying to reach it again each second; it comes back by itself.", "dim")),
    ]
