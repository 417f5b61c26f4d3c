"""Security: each protection as it is configured and as it was found, what is weak first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.views.security import Protection, SecurityView, Tls


def security(view: SecurityView, page: Page) -> Sequence[RenderableType]:
    return [
        verdict(view),
        layout.BLANK,
        _protections(view),
        layout.BLANK,
        layout.facts(_facts(view)),
    ]


def verdict(view: SecurityView) -> Text:
    """What is weak, by name."""
    if not view.weak:
        return Text("no protection is known to be off", style=cells.GOOD)
    names = Text(", ").join(cells.guest(words(name), cells.BAD) for name in view.weak)
    return Text.assemble(("weak: ", cells.HEAD), names)


def words(name: str) -> str:
    """`stack_canaries` as people write it."""
    return name.replace("_", " ")


def _protections(view: SecurityView) -> RenderableType:
    rows = [
        (
            cells.guest(words(each.name), cells.BAD if each.name in view.weak else cells.HEAD),
            _configured(each),
            found(each),
            cells.guest(each.evidence, cells.DIM),
        )
        for each in view.protections
    ]
    return layout.table(("!protection", "!configured", "!found", "evidence"), rows)


def _configured(protection: Protection) -> Text:
    if protection.configured is None:
        return cells.none()
    return Text("on" if protection.configured else "off", style="" if protection.configured else cells.WARN)


def found(protection: Protection) -> Text:
    """What looking gave; that it differs from what is configured shows in its colour."""
    if protection.found is None:
        return Text("?", style=cells.DIM)
    if protection.found:
        return Text("true", style=cells.GOOD)
    return Text("false", style=cells.BAD)


def _facts(view: SecurityView) -> Iterator[tuple[str, RenderableType]]:
    if view.slide_bytes is not None:
        link = Text.assemble((" from ", cells.DIM), cells.address(view.link_address))
        yield "slide", Text.assemble(cells.address(view.slide_bytes), link)
    if view.canary_at is not None:
        value = Text("unreadable", style=cells.BAD) if view.canary is None else Text(f"{view.canary:#018x}")
        yield "canary", Text.assemble(value, (" at ", cells.DIM), cells.place(view.canary_at))
    if view.registers is not None:
        named = (("cr0", view.registers.cr0), ("cr4", view.registers.cr4), ("efer", view.registers.efer))
        yield (
            "registers",
            layout.sequence(Text.assemble((f"{name} ", cells.DIM), hex(n)) for name, n in named),
        )
    for label, count, bad in (
        ("writable and executable", view.writable_executable_pages, True),
        ("writable text", view.writable_text_pages, True),
        ("executable data", view.executable_data_pages, True),
        ("guards", view.guard_pages, False),
    ):
        if count is not None:
            style = cells.BAD if bad and count else cells.GOOD if bad else ""
            yield label, Text(units.plural(count, "page"), style=style)
    if view.debug_port_exposed is not None:
        yield "debug port", _exposed(view.debug_port_exposed)
    if view.tls is not None:
        yield "tls", _tls(view.tls)


def _exposed(exposed: bool) -> Text:
    return Text("exposed: who reaches it owns the guest", style=cells.WARN) if exposed else Text("closed")


def _tls(tls: Tls) -> Text:
    if not tls.enabled:
        return Text("off", style=cells.DIM)
    paths = [("certificate ", tls.certificate), ("key ", tls.key)]
    return layout.sequence(
        Text.assemble((label, cells.DIM), cells.guest(path or "-")) for label, path in paths
    )


def part(view: SecurityView, page: Page) -> Sequence[RenderableType]:
    """What the overview shows of it."""
    true = sum(each.found is True for each in view.protections)
    unknown = sum(each.found is None for each in view.protections)
    counts = f"{true} of {len(view.protections)} found true"
    rest = Text(f", {unknown} not to be told" if unknown else "", style=cells.DIM)
    return [layout.flow([Text.assemble(counts, rest), verdict(view)], page.width)]
