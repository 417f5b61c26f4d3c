"""The panes of devices, boot, application and event loop."""

from __future__ import annotations

from unidbg.render import units
from unidbg.views.system import (
    AppView,
    BootPhase,
    BootView,
    Device,
    DevicesView,
    Initializer,
    IoHandler,
    LoopView,
    MemoryMapEntry,
    Timer,
)
from unidbg_tui import words
from unidbg_tui.cells import (
    ABSENT,
    Cell,
    Chart,
    Column,
    Fact,
    Line,
    Page,
    Row,
    Span,
    Table,
    columns,
    distinct,
    guest,
    line,
    number_cell,
    text_cell,
)
from unidbg_tui.pages.past import Past, top_rate

_DEVICES = columns("device", ">interrupts", ">rate", ">irq", ">mmio", ">port", "handler+")


def devices(view: DevicesView, past: Past) -> Page:
    """Devices with their interrupt counts and rates."""
    rows = distinct(
        _device(device, past.rate(f"devices.{n}.interrupts")) for n, device in enumerate(view.devices)
    )
    rates = past.rates("devices.interrupts")
    now = words.rate(rates[-1] if rates else None)
    chart = Chart("interrupts", rates, line(Span(now, "strong")), top_rate(rates))
    return Page(charts=(chart,), tables=(Table("devices", _DEVICES, rows, "no devices"),))


def _device(device: Device, rate: float | None) -> Row:
    cells = (
        text_cell(device.name, "strong"),
        number_cell(device.interrupts),
        Cell((Span(words.rate(rate), "dim" if not rate else ""),), ABSENT if rate is None else (0, rate)),
        number_cell(device.irq),
        words.address_cell(device.mmio_base),
        words.address_cell(device.port_base),
        words.place_cell(device.handler),
    )
    return Row(device.name, cells)


_PHASES = columns("phase", ">start", ">took", ">share", Column("", grow=True, bar=True))
_MEMORY_MAP = columns(">physical", ">end", ">size", "type+")


def boot(view: BootView, past: Past) -> Page:
    """Phases as bars on one time axis, the memory map, what the kernel was given."""
    command: Line = (guest(view.command_line),) if view.command_line else (Span("none", "dim"),)
    facts: tuple[Fact, ...] = (
        Fact("boot took", line(Span(units.duration(view.total_ns), "strong")), (0, view.total_ns)),
        Fact("command line", command, (1, view.command_line)),
        Fact("initrd", words.extent(view.initrd), words.range_key(view.initrd)),
    )
    if view.preallocated is not None:
        facts = (*facts, Fact("preallocated", _preallocated(view), (0, view.preallocated_free or 0)))
    end = max([view.total_ns, *(phase.start_ns + phase.duration_ns for phase in view.phases), 1])
    phases = tuple(_phase(number, phase, view.total_ns, end) for number, phase in enumerate(view.phases))
    ranges = tuple(_map_entry(number, entry) for number, entry in enumerate(view.memory_map))
    return Page(
        facts,
        tables=(
            Table("phases", _PHASES, phases, "no phase was recorded"),
            *_initializers(view),
            Table("memory map", _MEMORY_MAP, ranges, "no memory map"),
        ),
    )


_INITIALIZERS = columns("initialiser", "state", ">took+")


def _initializers(view: BootView) -> tuple[Table, ...]:
    """Lazy initialisers; nothing where the guest has none."""
    rows = distinct(_initializer(each) for each in view.initializers)
    return (Table("initialisers", _INITIALIZERS, rows),) if rows else ()


def _initializer(each: Initializer) -> Row:
    done = each.state == "done"
    took = each.duration_ns if done else None
    cells = (
        words.place_cell(each.function),
        text_cell(each.state, "good" if done else "warn"),
        number_cell(took, None if took is None else units.duration(took)),
    )
    return Row(f"{each.function.address:x}", cells)


def _preallocated(view: BootView) -> Line:
    free = view.preallocated_free
    left = "" if free is None else f", {units.plural(free, 'page')} not taken"
    return (*words.extent(view.preallocated), Span(left, "dim"))


def _phase(number: int, phase: BootPhase, total_ns: int, end_ns: int) -> Row:
    share = units.percent(phase.duration_ns, total_ns)
    bar = (phase.start_ns / end_ns, (phase.start_ns + phase.duration_ns) / end_ns)
    cells = (
        text_cell(phase.name, "strong"),
        number_cell(phase.start_ns, units.duration(phase.start_ns), "dim"),
        number_cell(phase.duration_ns, units.duration(phase.duration_ns)),
        number_cell(phase.duration_ns, share),
        Cell((), (0, phase.start_ns), bar),
    )
    return Row(f"{number}", cells)


def _map_entry(number: int, entry: MemoryMapEntry) -> Row:
    cells = (
        words.address_cell(entry.start),
        words.address_cell(entry.start + entry.length_bytes),
        number_cell(entry.length_bytes, units.size(entry.length_bytes)),
        text_cell(entry.type, "good" if entry.type == "usable" else "dim"),
    )
    return Row(f"{number}", cells)


def app(view: AppView, past: Past) -> Page:
    """The application and what it needs."""
    ports = ", ".join(str(port) for port in view.ports)
    return Page(
        (
            Fact("name", line(guest(view.name, "strong")), (1, view.name)),
            Fact("entry", words.place(view.entry), (0, view.entry.address)),
            Fact("memory", line(units.size(view.memory_bytes)), (0, view.memory_bytes)),
            Fact("heap", words.extent(view.heap), words.range_key(view.heap)),
            Fact("data", words.extent(view.data), words.range_key(view.data)),
            Fact("network", line(_needed(view.needs_network)), (0, int(view.needs_network))),
            Fact("storage", line(_needed(view.needs_storage)), (0, int(view.needs_storage))),
            Fact("ports", line(ports or Span("none", "dim")), (1, ports)),
        )
    )


def _needed(flag: bool) -> Span:
    return Span("needed", "strong") if flag else Span("not needed", "dim")


_TIMERS = columns("callback", ">due", ">period", ">fired", ">data")
_HANDLERS = columns("callback", ">descriptor", ">events", ">data")


def loop(view: LoopView, past: Past) -> Page:
    """Counters, how fast the loop turns, timers and I/O handlers."""
    iterations = past.rates("loop.iterations")
    now = iterations[-1] if iterations else None
    facts = (
        Fact("guest clock", line(Span(units.duration(view.now_ns), "strong")), (0, view.now_ns)),
        Fact("iterations", _counted(view.iterations, now), (0, view.iterations)),
        Fact(
            "timers fired",
            _counted(view.timers_fired, past.rate("loop.timers_fired")),
            (0, view.timers_fired),
        ),
        Fact(
            "events",
            _counted(view.events_handled, past.rate("loop.events_handled")),
            (0, view.events_handled),
        ),
    )
    chart = Chart("iterations", iterations, line(Span(words.rate(now), "strong")), top_rate(iterations))
    timers = distinct(_timer(timer, view.now_ns) for timer in view.timers)
    handlers = distinct(_handler(handler) for handler in view.handlers)
    return Page(
        facts,
        (chart,),
        (
            Table("timers", _TIMERS, timers, "no timer is armed"),
            Table("I/O handlers", _HANDLERS, handlers, "no handler is registered"),
        ),
    )


def _counted(number: int, rate: float | None) -> Line:
    return line(Span(f"{number:,}", "strong"), Span(f"  {words.rate(rate)}", "dim"))


def _timer(timer: Timer, now_ns: int) -> Row:
    due = words.due(timer, now_ns)
    cells = (
        words.place_cell(timer.callback),
        Cell((due,), (0, -timer.overdue_ns if timer.overdue_ns else timer.deadline_ns - now_ns)),
        number_cell(timer.period_ns, units.duration(timer.period_ns) if timer.period_ns else "once"),
        number_cell(timer.fired),
        words.address_cell(timer.data),
    )
    return Row(f"{timer.callback.address:x}.{timer.data:x}", cells)


def _handler(handler: IoHandler) -> Row:
    cells = (
        words.place_cell(handler.callback),
        number_cell(handler.descriptor, str(handler.descriptor)),
        number_cell(handler.events),
        words.address_cell(handler.data),
    )
    return Row(f"{handler.descriptor}", cells)
