"""A view as text for people: its body, its faults, and a line that says where it comes from."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from rich.console import Console, RenderableType

from unidbg.render.cells import Page
from unidbg.render.faults import all_faults
from unidbg.render.foot import fault_lines, provenance_line

Body = Callable[[Any, Page], Sequence[RenderableType]]

BODIES = {
    "base.Absent": "overview.absent",
    "system.OverviewView": "overview.overview",
    "system.MemoryView": "memory.memory",
    "system.HeapView": "memory.heap",
    "system.DevicesView": "parts.devices",
    "system.BootView": "parts.boot",
    "system.AppView": "parts.app",
    "system.LoopView": "parts.loop",
    "system.LogView": "parts.log",
    "network.NetView": "network.net",
    "network.RingsView": "rings.rings",
    "security.SecurityView": "security.security",
    "services.CloudView": "services.cloud",
    "services.OrchestrationView": "services.orchestration",
    "services.RuntimeView": "services.runtime",
    "system.ThreadsView": "crash.threads",
    "inspect.RegistersView": "crash.registers",
    "inspect.DisassemblyView": "code.disassembly",
    "inspect.MemoryDumpView": "code.dump",
    "inspect.SymbolsView": "code.symbols",
    "inspect.ValueView": "values.value",
    "inspect.TypesView": "values.types",
    "inspect.MonitorView": "values.monitor",
    "files.IndexView": "files.index",
    "files.SymbolizedView": "files.symbolized",
    "files.TypeDiffView": "files.type_diff",
    "findings.ChecksView": "findings.checks",
    "findings.DiagnosisView": "findings.diagnosis",
    "findings.TextView": "findings.text",
    "findings.ProbesView": "findings.probes",
    "forensics.BlocksView": "forensics.blocks",
    "forensics.LeaksView": "forensics.leaks",
    "forensics.WhatisView": "forensics.whatis",
    "forensics.FindView": "forensics.find",
    "forensics.DiffView": "forensics.diff",
    "host.GuestsReport": "guests.guests",
    "host.DoctorReport": "guests.doctor",
    "host.ChecksReport": "findings.listed",
    "host.DumpReport": "guests.dump",
    "host.KitReport": "kit.kit",
    "conformance.ConformanceReport": "conformance.conformance",
}
"""The class of a view, in `unidbg.views`, and the function that draws it, in `unidbg.render.tables`.

By name, so that one view costs the modules of one view.
"""


def body(view: object) -> Body:
    """The function that draws a view of this class."""
    kind = type(view)
    module, _, name = BODIES[f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"].partition(".")
    found: Body = getattr(import_module(f"unidbg.render.tables.{module}"), name)
    return found


def renderables(view: object, page: Page) -> list[RenderableType]:
    """What rich (or Textual) has to draw for a view: guest text is inside as `Text` only."""
    drawn = list(body(view)(view, page))
    drawn += fault_lines(all_faults(view), page)
    provenance = getattr(view, "provenance", None)
    return drawn if provenance is None else [*drawn, provenance_line(provenance, page)]


def render(view: object, width: int = 80, *, color: bool = False, unicode: bool = True) -> str:
    """The view as lines of at most `width` columns, with a newline at the end."""
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    with console.capture() as capture:
        for drawn in renderables(view, Page(width, unicode, color)):
            console.print(drawn, crop=False)
    return "".join(line.rstrip() + "\n" for line in capture.get().splitlines())
