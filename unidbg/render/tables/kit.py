"""The stub as it was copied or built."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.views.host import KitFile, KitReport

HEADERS = "include/"


def kit(view: KitReport, page: Page) -> Sequence[RenderableType]:
    """What there is now, and what to do with it."""
    return [*(_copied(view) if view.action == "copied" else _built(view))]


def _copied(view: KitReport) -> list[Text]:
    total = sum(file.bytes for file in view.files)
    names = ", ".join(view.architectures)
    return [
        _line(f"copied to {view.folder}", f"{len(view.files)} files, {units.size(total)}, for {names}"),
        _step("build", f"make -C {view.folder} ARCH={view.architectures[0]}"),
        _step("read", f"{view.folder}/PORTING.md"),
    ]


def _built(view: KitReport) -> list[Text]:
    objects = [file for file in view.files if not file.path.startswith(HEADERS)]
    headers = len(view.files) - len(objects)
    return [
        _line(f"built in {view.folder}", f"for {', '.join(view.architectures)}, {headers} headers"),
        *(_object(file) for file in objects),
        _step("compile", f"add -I{view.folder}/include"),
        _step("link", " ".join(f"{view.folder}/{file.path}" for file in objects)),
        _step("read", "unidbg stub copy DIR puts PORTING.md into DIR"),
    ]


def _line(head: str, rest: str) -> Text:
    return Text.assemble(cells.guest(head, cells.HEAD), "  ", cells.guest(rest))


def _object(file: KitFile) -> Text:
    loaded = "" if file.loaded_bytes is None else f"{units.size(file.loaded_bytes)} of code and data"
    return layout.unfolded(Text.assemble("  ", cells.guest(f"{file.path:<10}"), loaded))


def _step(name: str, what: str) -> Text:
    return layout.unfolded(
        Text.assemble("  ", cells.guest(f"{name:<10}", cells.DIM), cells.guest(what, cells.SYMBOL))
    )
