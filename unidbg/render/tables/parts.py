"""Devices, boot, application, event loop and console log."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.render.escape import escape_lines
from unidbg.views.system import (
    AppView,
    BootView,
    DevicesView,
    Initializer,
    IoHandler,
    LogView,
    LoopView,
    Timer,
)


def devices(view: DevicesView, page: Page) -> Sequence[RenderableType]:
    if not view.devices:
        return [Text("no devices")]
    rows = [
        (
            cells.guest(device.name, cells.HEAD),
            cells.address(device.mmio_base),
            cells.address(device.port_base),
            cells.number(device.irq),
            cells.number(device.interrupts),
            cells.place(device.handler),
        )
        for device in view.devices
    ]
    return [layout.table(("device", ">!mmio", ">!port", ">!irq", ">!interrupts", "handler"), rows)]


def boot(view: BootView, page: Page) -> Sequence[RenderableType]:
    rows: list[tuple[str, RenderableType]] = [
        ("command line", cells.guest(view.command_line) if view.command_line else cells.none()),
        ("initrd", cells.span(view.initrd)),
        ("boot took", cells.duration(view.total_ns)),
    ]
    if view.preallocated is not None:
        rows.append(("preallocated", _preallocated(view)))
    drawn: list[RenderableType] = [layout.facts(rows)]
    if view.phases:
        drawn += [layout.BLANK, _phases(view, page)]
    if view.initializers:
        drawn += [layout.BLANK, _initializers(view.initializers)]
    if view.memory_map:
        drawn += [layout.BLANK, _memory_map(view)]
    return drawn


def _phases(view: BootView, page: Page) -> RenderableType:
    rows = [
        (
            cells.guest(phase.name),
            cells.duration(phase.start_ns),
            cells.duration(phase.duration_ns),
            Text(units.percent(phase.duration_ns, view.total_ns)),
            cells.bar(phase.duration_ns, view.total_ns, 20, page) if page.wide else Text(),
        )
        for phase in view.phases
    ]
    return layout.table(("phase", ">!start", ">!took", ">!share", ""), rows)


def _preallocated(view: BootView) -> Text:
    text = cells.span(view.preallocated)
    if view.preallocated_free is not None:
        text.append(f", {units.plural(view.preallocated_free, 'page')} not taken")
    return text


def _initializers(initializers: Sequence[Initializer]) -> RenderableType:
    rows = [
        (
            cells.place(each.function),
            cells.guest(each.state, cells.GOOD if each.state == "done" else cells.WARN),
            cells.duration(each.duration_ns) if each.state == "done" else cells.none(),
        )
        for each in initializers
    ]
    return layout.table(("initialiser", "!state", ">!took"), rows)


def pending(view: BootView) -> Text:
    """How many initialisers have not run."""
    count = sum(each.state == "pending" for each in view.initializers)
    return Text(f"{units.plural(count, 'initialiser')} pending" if count else "", style=cells.DIM)


def _memory_map(view: BootView) -> RenderableType:
    rows = [
        (
            cells.address(entry.start),
            cells.address(entry.start + entry.length_bytes),
            cells.size(entry.length_bytes),
            cells.guest(entry.type, "" if entry.type == "usable" else cells.DIM),
        )
        for entry in view.memory_map
    ]
    return layout.table((">!physical", ">!end", ">!size", "memory"), rows)


def app(view: AppView, page: Page) -> Sequence[RenderableType]:
    ports = ", ".join(str(port) for port in view.ports)
    return [
        layout.facts(
            [
                ("name", cells.guest(view.name, cells.HEAD)),
                ("entry", cells.place(view.entry)),
                ("heap", cells.span(view.heap)),
                ("data", cells.span(view.data)),
                ("memory", cells.size(view.memory_bytes)),
                ("network", cells.yes_no(view.needs_network)),
                ("storage", cells.yes_no(view.needs_storage)),
                ("ports", Text(ports) if ports else cells.none()),
            ]
        )
    ]


def loop(view: LoopView, page: Page) -> Sequence[RenderableType]:
    drawn: list[RenderableType] = [loop_counts(view)]
    if view.timers:
        drawn += [layout.BLANK, timers(view)]
    if view.handlers:
        drawn += [layout.BLANK, _handlers(view.handlers)]
    return drawn


def loop_counts(view: LoopView) -> Text:
    """The counters of a loop in one line."""
    counts = (
        units.plural(view.iterations, "iteration"),
        units.plural(view.timers_fired, "timer") + " fired",
        units.plural(view.events_handled, "event") + " handled",
    )
    return Text(f"clock {units.duration(view.now_ns)}, {', '.join(counts)}")


def timers(view: LoopView, first: int | None = None) -> RenderableType:
    """Armed timers by what is due next (the `first` ones), as the loop's own clock sees it."""
    rows = [
        (
            _due(timer, view.now_ns),
            cells.duration(timer.period_ns) if timer.period_ns else Text("once", style=cells.DIM),
            cells.number(timer.fired),
            cells.address(timer.data),
            cells.place(timer.callback),
        )
        for timer in sorted(view.timers, key=lambda timer: timer.deadline_ns)[:first]
    ]
    return layout.table((">!timer due", ">!period", ">!fired", ">!data", "callback"), rows)


def _due(timer: Timer, now_ns: int) -> Text:
    if timer.overdue_ns:
        return Text(f"{units.duration(timer.overdue_ns)} overdue", style=cells.WARN)
    return Text(f"in {units.duration(timer.deadline_ns - now_ns)}")


def _handlers(handlers: Sequence[IoHandler]) -> RenderableType:
    rows = [
        (
            Text(str(handler.descriptor)),
            cells.number(handler.events),
            cells.address(handler.data),
            cells.place(handler.callback),
        )
        for handler in handlers
    ]
    return layout.table((">!descriptor", ">!events", ">!data", "handler"), rows)


def log(view: LogView, page: Page) -> Sequence[RenderableType]:
    lost = [_lost(view)] if view.lost_bytes else []
    return [*lost, *(layout.unfolded(line) for line in log_lines(view))]


def log_lines(view: LogView, last: int | None = None) -> list[Text]:
    """The lines of the ring (the `last` ones), escaped; one line of the guest stays one line."""
    lines = view.lines if last is None else view.lines[-last:]
    return [Text(piece) for line in lines for piece in escape_lines(line)]


def _lost(view: LogView) -> Text:
    return Text(f"[{units.size(view.lost_bytes)} before this were overwritten]", style=cells.DIM)
