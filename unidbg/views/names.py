"""The name under which a view is known outside: in `"view"` of JSON and in docs/schema."""

from __future__ import annotations

from unidbg.views import (
    base,
    conformance,
    files,
    findings,
    forensics,
    host,
    inspect,
    network,
    security,
    services,
    system,
)

NAMES: dict[type, str] = {
    system.OverviewView: "overview",
    system.MemoryView: "memory",
    system.DevicesView: "devices",
    system.BootView: "boot",
    system.AppView: "app",
    system.HeapView: "heap",
    system.LoopView: "loop",
    system.ThreadsView: "threads",
    system.LogView: "log",
    network.NetView: "net",
    network.RingsView: "rings",
    security.SecurityView: "security",
    services.CloudView: "cloud",
    services.OrchestrationView: "orchestration",
    services.RuntimeView: "runtime",
    inspect.RegistersView: "regs",
    inspect.DisassemblyView: "dis",
    inspect.MemoryDumpView: "x",
    inspect.ValueView: "print",
    inspect.SymbolsView: "sym",
    inspect.TypesView: "type",
    inspect.MonitorView: "monitor",
    files.IndexView: "index",
    files.SymbolizedView: "symbolize",
    files.TypeDiffView: "type-diff",
    findings.ChecksView: "check",
    findings.DiagnosisView: "diagnose",
    findings.TextView: "text",
    findings.ProbesView: "probes",
    forensics.BlocksView: "blocks",
    forensics.LeaksView: "leaks",
    forensics.WhatisView: "whatis",
    forensics.FindView: "find",
    forensics.DiffView: "diff",
    host.GuestsReport: "ls",
    host.DoctorReport: "doctor",
    host.DumpReport: "dump",
    host.KitReport: "stub",
    host.ChecksReport: "check-list",
    conformance.ConformanceReport: "conform",
}


def view_name(view: object) -> str:
    """`heap` for a `HeapView`; an `Absent` says itself what it stands for."""
    if isinstance(view, base.Absent):
        return view.view
    return NAMES[type(view)]
