"""The pane of security: each protection as it is configured and as it was found."""

from __future__ import annotations

from collections.abc import Iterator

from unidbg.render import units
from unidbg.views.security import Protection, SecurityView
from unidbg_tui import words
from unidbg_tui.cells import (
    ABSENT,
    Cell,
    Fact,
    Line,
    Page,
    Role,
    Row,
    Span,
    Table,
    columns,
    distinct,
    guest,
    line,
    text_cell,
)
from unidbg_tui.pages.past import Past

_PROTECTIONS = columns("protection", "configured", "found", "evidence+")


def security(view: SecurityView, past: Past) -> Page:
    """The verdict, what it rests on, and the protections."""
    rows = distinct(_protection(each, each.name in view.weak) for each in view.protections)
    table = Table("protections", _PROTECTIONS, rows, "no protection is known")
    return Page(tuple(_facts(view)), tables=(table,))


def verdict(view: SecurityView) -> Line:
    """What is weak, by name."""
    if not view.weak:
        return line(Span("nothing is known to be off", "good"))
    names = ", ".join(name.replace("_", " ") for name in view.weak)
    return line(guest(names, "bad"))


def _facts(view: SecurityView) -> Iterator[Fact]:
    yield Fact("weak", verdict(view), (1, ",".join(view.weak)))
    if view.slide_bytes is not None:
        link = "" if view.link_address is None else f"  from {view.link_address:#x}"
        slide = line(Span(f"{view.slide_bytes:#x}", "strong"), Span(link, "dim"))
        yield Fact("slide", slide, (0, view.slide_bytes))
    if view.canary_at is not None:
        value = Span("unreadable", "bad") if view.canary is None else Span(f"{view.canary:#018x}", "strong")
        at = line(value, Span(" at ", "dim"), *words.place(view.canary_at))
        yield Fact("canary", at, (0, view.canary or 0))
    if view.registers is not None:
        found = view.registers
        said = f"cr0 {found.cr0:#x}  cr4 {found.cr4:#x}  efer {found.efer:#x}"
        yield Fact("registers", line(said), (1, said))
    if view.writable_executable_pages is not None:
        yield Fact("pages", _pages(view), (0, view.writable_executable_pages))
    if view.guard_pages is not None:
        yield Fact("guards", line(units.plural(view.guard_pages, "page")), (0, view.guard_pages))
    if view.debug_port_exposed is not None:
        exposed = Span("exposed", "warn") if view.debug_port_exposed else Span("closed", "good")
        yield Fact("debug port", line(exposed), (0, int(view.debug_port_exposed)))
    if view.tls is not None:
        files = f"  certificate {view.tls.certificate or '-'}  key {view.tls.key or '-'}"
        on = line(Span("on", "good"), guest(files, "dim")) if view.tls.enabled else line(Span("off", "dim"))
        yield Fact("tls", on, (0, int(view.tls.enabled)))


def _pages(view: SecurityView) -> Line:
    counts = (
        ("writable and executable", view.writable_executable_pages),
        ("writable text", view.writable_text_pages),
        ("executable data", view.executable_data_pages),
    )
    spans: list[Span] = []
    for label, count in counts:
        if count is not None:
            spans += [Span(f"{count:,}", "bad" if count else "good"), Span(f" {label}  ", "dim")]
    return tuple(spans)


def _protection(protection: Protection, weak: bool) -> Row:
    cells = (
        text_cell(protection.name.replace("_", " "), "bad" if weak else "strong"),
        _flag(protection.configured, ("on", ""), ("off", "warn"), ("-", "dim")),
        _flag(protection.found, ("true", "good"), ("false", "bad"), ("?", "dim")),
        text_cell(protection.evidence, "dim"),
    )
    return Row(protection.name, cells)


Said = tuple[str, Role]


def _flag(flag: bool | None, yes: Said, no: Said, unknown: Said) -> Cell:
    if flag is None:
        return Cell((Span(*unknown),), ABSENT)
    return Cell((Span(*(yes if flag else no)),), (0, int(flag)))
