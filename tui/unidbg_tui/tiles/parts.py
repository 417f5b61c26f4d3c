"""The tiles of loop, threads, devices, boot, application and log."""

from __future__ import annotations

from unidbg.render import units
from unidbg.views.system import (
    AppView,
    BootPhase,
    BootView,
    Device,
    DevicesView,
    LogView,
    LoopView,
    Thread,
    ThreadsView,
    Timer,
)
from unidbg_tui import fit, words
from unidbg_tui.cells import Line, Span, guest, line
from unidbg_tui.pages.log import log_lines
from unidbg_tui.pages.past import Past
from unidbg_tui.spark import span_bar
from unidbg_tui.tiles.room import Room, spark_lines


def loop(view: LoopView, past: Past, room: Room) -> list[Line]:
    """How fast the loop turns, and the timers by what is due next."""
    turns = line(Span(words.rate(past.rate("loop.iterations")), "strong"), Span(" turns", "dim"))
    armed = line(Span(units.plural(len(view.timers), "timer"), "dim"))
    timers = sorted(view.timers, key=lambda timer: (-timer.overdue_ns, timer.deadline_ns))
    height = max(1, room.height - 1 - max(len(timers), (room.height - 1) // 2))
    chart = spark_lines(past.rates("loop.iterations"), room.width, height)
    return [
        fit.either(room.width, (turns, armed), (turns, ())),
        *chart,
        *(_timer(timer, view.now_ns, room) for timer in timers),
    ]


def _timer(timer: Timer, now_ns: int, room: Room) -> Line:
    return fit.sides(
        words.place(timer.callback, source=room.width > 44), (words.due(timer, now_ns),), room.width
    )


def threads(view: ThreadsView, past: Past, room: Room) -> list[Line]:
    """Each thread and where it is; the callers too while there is room."""
    deep = max(0, (room.height - len(view.threads)) // max(1, len(view.threads)))
    return [spans for thread in view.threads for spans in _thread(thread, deep, room)]


def _thread(thread: Thread, deep: int, room: Room) -> list[Line]:
    first = words.standpoint(thread)
    frames = thread.frames[first : first + deep + 1]
    name = line(words.dot(thread), " ", guest(thread.name or thread.id))
    state = guest(thread.state, words.state_role(thread.state))
    if deep == 0:
        where = words.place(frames[0].pc, source=False) if frames else (state,)
        return [fit.sides(name, where, room.width)]
    inner = [line("  ", *words.place(frame.pc, source=room.width > 30)) for frame in frames[:deep]]
    return [fit.sides(name, (state,), room.width), *inner]


def devices(view: DevicesView, past: Past, room: Room) -> list[Line]:
    """Interrupts per second, and each device with its count."""
    total = sum(device.interrupts for device in view.devices)
    rate = Span(words.rate(past.rate("devices.interrupts")), "strong")
    count = (Span(units.count(total), "dim"),)
    head = fit.either(
        room.width,
        ((rate, Span(" interrupts", "dim")), count),
        ((rate, Span(" irqs", "dim")), count),
        ((rate,), count),
    )
    height = max(1, room.height - 1 - max(len(view.devices), (room.height - 1) // 2))
    rows = [_device(device, room) for device in view.devices]
    return [head, *spark_lines(past.rates("devices.interrupts"), room.width, height), *rows]


def _device(device: Device, room: Room) -> Line:
    name, count = guest(device.name), (Span(units.count(device.interrupts)),)
    irq = Span("" if device.irq is None else f" irq {device.irq}", "dim")
    return fit.either(room.width, ((name, irq), count), ((name,), count))


def boot(view: BootView, past: Past, room: Room) -> list[Line]:
    """Time to be up, and the phases on one axis."""
    took = line(Span(units.duration(view.total_ns), "strong"), Span(" to boot", "dim"))
    phases = (Span(units.plural(len(view.phases), "phase"), "dim"),)
    head = fit.either(room.width, (took, phases), (took, ()))
    name_width = min(max((len(phase.name) for phase in view.phases), default=0), room.width // 3)
    end = max([view.total_ns, *(phase.start_ns + phase.duration_ns for phase in view.phases), 1])
    return [head, *(_phase(phase, end, name_width, room) for phase in view.phases)]


def _phase(phase: BootPhase, end_ns: int, name_width: int, room: Room) -> Line:
    took = units.duration(phase.duration_ns).rjust(7)
    width = max(1, room.width - name_width - len(took) - 2)
    first, last = span_bar(phase.start_ns / end_ns, (phase.start_ns + phase.duration_ns) / end_ns, width)
    axis = line(
        Span("─" * first, "dim"), Span("━" * (last - first), "accent"), Span("─" * (width - last), "dim")
    )
    return line(*fit.padded((guest(phase.name),), name_width), " ", *axis, " ", Span(took, "dim"))


def app(view: AppView, past: Past, room: Room) -> list[Line]:
    """The application, its entry and its needs."""
    needs = [
        word for word, needed in (("network", view.needs_network), ("storage", view.needs_storage)) if needed
    ]
    ports = ", ".join(str(port) for port in view.ports)
    return [
        line(guest(view.name, "strong")),
        _pair("entry", words.place(view.entry, source=room.width > 40), room),
        _pair("memory", line(units.size(view.memory_bytes)), room),
        _pair("needs", line(", ".join(needs) or "nothing"), room),
        _pair("ports", line(ports or "none"), room),
    ]


def _pair(label: str, value: Line, room: Room) -> Line:
    return fit.sides((Span(label, "dim"),), value, room.width)


def log(view: LogView, past: Past, room: Room) -> list[Line]:
    """The last lines."""
    return [(Span(text),) for text in log_lines(view)[-room.height :]]
