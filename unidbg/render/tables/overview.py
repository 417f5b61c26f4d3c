"""The first page: everything at a glance, each part in a few lines; what is absent says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.render.tables import crash, memory, network, parts, rings, security, services
from unidbg.views.base import Absent
from unidbg.views.system import (
    AppView,
    BootView,
    DevicesView,
    HeapView,
    LogView,
    LoopView,
    MemoryView,
    OverviewView,
    ThreadsView,
)

Part = Callable[[Any, Page], Sequence[RenderableType]]

_FRAMES = 4
_TIMERS = 5
_LOG_LINES = 8


def overview(view: OverviewView, page: Page) -> Sequence[RenderableType]:
    inner = {name: getattr(view, name) for name in PARTS}
    beside = page._replace(width=page.width - max(map(len, PARTS)) - 2)
    there = {name: part for name, part in inner.items() if not isinstance(part, Absent)}
    missing = [part for part in inner.values() if isinstance(part, Absent)]
    sections = [(name, PARTS[name](part, beside)) for name, part in there.items()]
    return [_state(view), layout.gutter([*sections, *_absent_parts(missing)])]


def _state(view: OverviewView) -> Text:
    style = cells.GOOD if view.state == "running" else cells.WARN
    state = cells.state(view.state, view.reason, f"bold {style}")
    blamed = None if isinstance(view.threads, Absent) else crash.culprit(view.threads.threads)
    pc = blamed.pc if blamed else view.pc
    at = Text.assemble("in " if blamed else "at ", cells.place(pc)) if pc is not None else Text()
    return Text("\n").join([state, at]) if blamed else layout.sequence([state, at])


def _absent_parts(parts: Sequence[Absent]) -> Iterator[tuple[str, Sequence[RenderableType]]]:
    """Sections of what is missing; what is so for the same reason is named together."""
    together: dict[tuple[str, str], list[str]] = {}
    for part in parts:
        together.setdefault((part.reason, part.remedy), []).append(part.view)
    for (reason, remedy), names in together.items():
        yield "absent", [cells.guest(f"{', '.join(names)}: {reason}"), cells.guest(remedy, cells.DIM)]


def absent(view: Absent, page: Page) -> Sequence[RenderableType]:
    """One view that is not to be had."""
    return [layout.gutter(_absent_parts([view]))]


def _app(view: AppView, page: Page) -> Sequence[RenderableType]:
    ports = ", ".join(str(port) for port in view.ports)
    needs = [
        need for need, wanted in (("network", view.needs_network), ("storage", view.needs_storage)) if wanted
    ]
    first = layout.sequence(
        [cells.guest(view.name, cells.HEAD), Text.assemble("entry ", cells.place(view.entry))]
    )
    wants = f"wants {units.size(view.memory_bytes)}, " + (", ".join(needs) or "no network, no storage")
    return [first, Text(wants + (f", ports {ports}" if ports else ""))]


def _memory(view: MemoryView, page: Page) -> Sequence[RenderableType]:
    lines: list[RenderableType] = []
    if view.pages is not None:
        lines.append(memory.page_counts(view.pages))
    spans = [
        Text.assemble((f"{name} ", cells.DIM), units.size(span.end - span.start))
        for name in ("code", "rodata", "data", "heap", "stack")
        if (span := getattr(view, name)) is not None
    ]
    regions = Text(units.plural(len(view.regions), "region") if view.regions else "")
    summary = layout.flow([*spans, regions], page.width)
    return [*lines, summary] if summary.plain else lines


def _heap(view: HeapView, page: Page) -> Sequence[RenderableType]:
    detail = f"{units.plural(view.count, 'allocation')}, peak {units.size(view.peak_bytes)}"
    if view.pages is not None:
        detail += f", {units.count(view.pages.free)} of {units.plural(view.pages.total, 'page')} free"
    failed = Text(f"{units.count(view.failed)} failed" if view.failed else "", style=cells.BAD)
    return [memory.allocated(view, page), layout.flow([Text(detail), failed], page.width)]


def _loop(view: LoopView, page: Page) -> Sequence[RenderableType]:
    if not view.timers:
        return [parts.loop_counts(view)]
    more = len(view.timers) - _TIMERS
    rest = (
        [Text(f"and {units.plural(more, 'more timer', 'more timers')}", style=cells.DIM)] if more > 0 else []
    )
    return [parts.loop_counts(view), parts.timers(view, _TIMERS), *rest]


def _threads(view: ThreadsView, page: Page) -> Sequence[RenderableType]:
    drawn: list[RenderableType] = []
    for thread in view.threads:
        drawn.append(crash.thread_line(thread))
        first = max(0, (thread.culprit or 0) - 1)
        if thread.frames:
            shown = thread.frames[first : first + _FRAMES]
            drawn.append(crash.frames(shown, page, thread.culprit))
        if len(thread.frames) > _FRAMES:
            drawn.append(Text(f"  and {len(thread.frames) - _FRAMES} more frames", style=cells.DIM))
    return drawn


def _devices(view: DevicesView, page: Page) -> Sequence[RenderableType]:
    items = [
        Text.assemble(cells.guest(device.name), " ", (units.count(device.interrupts), cells.ADDRESS))
        for device in view.devices
    ]
    return [Text.assemble(Text(", ").join(items), (" interrupts", cells.DIM) if items else "none")]


def _boot(view: BootView, page: Page) -> Sequence[RenderableType]:
    slowest = sorted(view.phases, key=lambda phase: -phase.duration_ns)[:3]
    phases = [Text.assemble(cells.guest(one.name), f" {units.duration(one.duration_ns)}") for one in slowest]
    usable = sum(entry.length_bytes for entry in view.memory_map if entry.type == "usable")
    head = f"took {units.duration(view.total_ns)}"
    took = Text.assemble(head, " (", Text(", ").join(phases), ")") if phases else Text(head)
    line = (
        Text.assemble(("command line ", cells.DIM), cells.guest(view.command_line))
        if view.command_line
        else Text()
    )
    usable_text = Text(f"{units.size(usable)} usable" if usable else "")
    summary = layout.flow([took, usable_text, parts.pending(view)], page.width)
    return [summary, line] if line.plain else [summary]


def _log(view: LogView, page: Page) -> Sequence[RenderableType]:
    return parts.log_lines(view, _LOG_LINES)


PARTS: dict[str, Part] = {
    "app": _app,
    "threads": _threads,
    "memory": _memory,
    "heap": _heap,
    "loop": _loop,
    "net": network.part,
    "rings": rings.part,
    "security": security.part,
    "cloud": services.cloud_part,
    "orchestration": services.orchestration_part,
    "runtime": services.runtime_part,
    "devices": _devices,
    "boot": _boot,
    "log": _log,
}
