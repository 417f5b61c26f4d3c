"""A view as text for people: its body, its faults, and a line that says where it comes from."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console, RenderableType

from unidbg.render.cells import Page
from unidbg.render.foot import fault_lines, provenance_line
from unidbg.render.json import all_faults
from unidbg.render.tables import (
    code,
    conformance,
    crash,
    files,
    findings,
    forensics,
    guests,
    kit,
    memory,
    overview,
    parts,
    rings,
    services,
    values,
)
from unidbg.render.tables import network as net
from unidbg.render.tables import security as protections
from unidbg.views import base, host, inspect, network, security, system
from unidbg.views import files as views_of_files
from unidbg.views import findings as verdicts
from unidbg.views import forensics as found
from unidbg.views import services as offered
from unidbg.views.conformance import ConformanceReport

Body = Callable[[Any, Page], Sequence[RenderableType]]

BODIES: dict[type, Body] = {
    base.Absent: overview.absent,
    system.OverviewView: overview.overview,
    system.MemoryView: memory.memory,
    system.HeapView: memory.heap,
    system.DevicesView: parts.devices,
    system.BootView: parts.boot,
    system.AppView: parts.app,
    system.LoopView: parts.loop,
    system.LogView: parts.log,
    network.NetView: net.net,
    network.RingsView: rings.rings,
    security.SecurityView: protections.security,
    offered.CloudView: services.cloud,
    offered.OrchestrationView: services.orchestration,
    offered.RuntimeView: services.runtime,
    system.ThreadsView: crash.threads,
    inspect.RegistersView: crash.registers,
    inspect.DisassemblyView: code.disassembly,
    inspect.MemoryDumpView: code.dump,
    inspect.SymbolsView: code.symbols,
    inspect.ValueView: values.value,
    inspect.TypesView: values.types,
    inspect.MonitorView: values.monitor,
    views_of_files.IndexView: files.index,
    views_of_files.SymbolizedView: files.symbolized,
    views_of_files.TypeDiffView: files.type_diff,
    verdicts.ChecksView: findings.checks,
    verdicts.DiagnosisView: findings.diagnosis,
    verdicts.TextView: findings.text,
    verdicts.ProbesView: findings.probes,
    found.BlocksView: forensics.blocks,
    found.LeaksView: forensics.leaks,
    found.WhatisView: forensics.whatis,
    found.FindView: forensics.find,
    found.DiffView: forensics.diff,
    host.GuestsReport: guests.guests,
    host.DoctorReport: guests.doctor,
    host.ChecksReport: findings.listed,
    host.DumpReport: guests.dump,
    host.KitReport: kit.kit,
    ConformanceReport: conformance.conformance,
}


def renderables(view: object, page: Page) -> list[RenderableType]:
    """What rich (or Textual) has to draw for a view: guest text is inside as `Text` only."""
    drawn = list(BODIES[type(view)](view, page))
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
