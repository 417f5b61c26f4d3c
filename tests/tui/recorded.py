"""A session as if it had been recorded: a sample over its first seconds. Deterministic: no clock, no luck."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from unidbg_tui.model import Model
from unidbg_tui.source import Event, Lost, Moment, Opened, Part, Taken

from tests.tui import surroundings
from unidbg.errors import TargetGone
from unidbg.views.base import Absent, Address, Fault, ImageIdentity, Location, Provenance, Range, View
from unidbg.views.network import (
    Chain,
    Connection,
    Descriptor,
    Interface,
    Listener,
    NetView,
    Protocol,
    Ring,
    RingSlot,
    RingsView,
    Traffic,
    Virtqueue,
)
from unidbg.views.system import (
    AppView,
    BootPhase,
    BootView,
    Device,
    DevicesView,
    Frame,
    HeapView,
    IoHandler,
    LogView,
    LoopView,
    MemoryMapEntry,
    MemoryView,
    OverviewView,
    PageBitmap,
    PageCounts,
    Region,
    Thread,
    ThreadsView,
    Timer,
    Variable,
)

NAMES = ("overview", "net", "rings", "memory", "devices", "boot", "app", "heap", "loop", "threads", "log")
OFFERED = ("security", "cloud", "orchestration", "runtime")
"""Views of a guest that has more than a network."""
MS = 1_000_000
PERIOD_S = 0.5
KIB = 1024

IMAGE = ImageIdentity("build/hello.elf", "8f3a21bc77d04e5591c2a6cf01be9d3348f0a1e7", 0, "build-id")


def provenance(step: int) -> Provenance:
    """Of snapshot `step`."""
    stopped = 1_180_000 + 90_000 * (step * 7 % 5)
    return Provenance("localhost:1234", "rsp", (IMAGE,), "probes", "stopped", step, stopped)


def at(symbol: str, address: int, offset: int, file: str, line: int) -> Location:
    """A place in the guest's text."""
    return Location(Address(address + offset), symbol, offset, f"/src/samples/{file}", line)


TICK = at("tick", 0x101A40, 0, "hello/main.c", 41)
REPORT = at("report_stats", 0x101B10, 0, "hello/main.c", 58)
REFILL = at("refill_buffers", 0x101C00, 0, "hello/main.c", 77)
WATCHDOG = at("watchdog", 0x101CC0, 0, "libos/watchdog.c", 23)
HALT = at("cpu_wait_for_interrupt", 0x102010, 0x1, "libos/arch/x86_64/cpu.c", 19)
RUN = at("event_loop_run", 0x102400, 0x8E, "libos/event_loop.c", 131)
MAIN = at("main", 0x101900, 0x5C, "hello/main.c", 112)
START = at("kernel_start", 0x100200, 0x124, "libos/boot.c", 88)
UART = at("uart_interrupt", 0x102900, 0, "libos/uart.c", 64)
CLOCK = at("timer_interrupt", 0x102A80, 0, "libos/timer.c", 40)
CONSOLE = at("console_ready", 0x101D40, 0, "hello/main.c", 93)


def _span(start: int, end: int) -> Range:
    return Range(Address(start), Address(end))


def now_ns(step: int) -> int:
    """The guest's clock at snapshot `step`."""
    return 3_200 * MS + round(step * PERIOD_S * 1e9)


def memory(step: int) -> MemoryView:
    """Code, data, heap and stack, with writable and executable pages apart."""
    regions = (
        Region(Address(0x100000), Address(0x11A000), Address(0x100000), False, False, False, "code"),
        Region(Address(0x11A000), Address(0x121000), Address(0x11A000), False, False, True, "rodata"),
        Region(Address(0x121000), Address(0x129000), Address(0x121000), True, False, True, "data"),
        Region(Address(0x200000), Address(0x1200000), Address(0x200000), True, False, True, "heap"),
        Region(Address(0x1200000), Address(0x1210000), Address(0x1200000), True, False, True, "stack"),
        Region(Address(0xFEC00000), Address(0xFEC01000), Address(0xFEC00000), True, False, True, ""),
        Region(Address(0xFEE00000), Address(0xFEE01000), Address(0xFEE00000), True, False, True, ""),
    )
    present = sum((region.end - region.start) // 4096 for region in regions)
    return MemoryView(
        provenance(step),
        (),
        _span(0x100000, 0x11A000),
        _span(0x11A000, 0x121000),
        _span(0x121000, 0x129000),
        _span(0x200000, 0x1200000),
        _span(0x1200000, 0x1210000),
        Address(0x125000),
        PageCounts(present, present - 33, 0, present - 26, 0),
        regions,
    )


def heap(step: int) -> HeapView:
    """A heap that breathes: a slow wave and a saw-tooth on top."""
    live = _live_bytes(step)
    peak = max(_live_bytes(earlier) for earlier in range(step + 1))
    start, end = 0x200000, 0x1200000
    used = -(-peak // 4096) + 96
    total = (end - start) // 4096
    pages = PageBitmap(Address(start), 4096, total, total - used, total - used)
    return HeapView(
        provenance(step),
        (),
        Address(start),
        Address(start + used * 4096),
        Address(end),
        live,
        peak,
        live // 1536,
        pages,
    )


def _live_bytes(step: int) -> int:
    wave = 3_600 * KIB + 1_500 * KIB * math.sin(step / 9)
    return int(wave + 160 * KIB * (step % 12)) // 64 * 64


def loop(step: int) -> LoopView:
    """Three timers and a watchdog, one handler."""
    now = now_ns(step)
    turns = sum(_turns(earlier) for earlier in range(step))
    timers = (
        Timer(TICK, Address(0x122000), now + 62 * MS, 100 * MS, 0, 32 + step * 5),
        Timer(REPORT, Address(0x122040), now + 800 * MS - step % 2 * 500 * MS, 1_000 * MS, 0, 3 + step // 2),
        Timer(REFILL, Address(0x122080), now - 2 * MS, 25 * MS, 2 * MS, 128 + step * 20),
        Timer(WATCHDOG, Address(0), now + 4_100 * MS, 0, 0, 0),
    )
    handlers = (IoHandler(0, CONSOLE, Address(0x1220C0), 17 + step),)
    return LoopView(provenance(step), (), now, 1_000 + turns, 163 + step * 25, 17 + step, timers, handlers)


def _turns(step: int) -> int:
    return int(560 + 180 * math.sin(step / 5) + 55 * (step * 13 % 7))


def devices(step: int) -> DevicesView:
    """Two UARTs, a timer, a virtual disk."""
    ticks = 3_200 + sum(_ticks(earlier) for earlier in range(step))
    return DevicesView(
        provenance(step),
        (),
        (
            Device("lapic-timer", Address(0xFEE00320), None, 32, CLOCK, ticks),
            Device("uart0", None, 0x3F8, 4, UART, 210 + step * 3),
            Device("uart1", None, 0x2F8, 3, UART, 96 + step * 11),
            Device("ioapic", Address(0xFEC00000), None, None, None, 0),
        ),
    )


def _ticks(step: int) -> int:
    return 500 + 30 * (step * 5 % 9) + (240 if step % 17 in (0, 1) else 0)


def boot(step: int) -> BootView:
    """From the first instruction to the application."""
    return BootView(
        provenance(step),
        (),
        (
            MemoryMapEntry(Address(0), 0x9FC00, "usable"),
            MemoryMapEntry(Address(0x9FC00), 0x400, "reserved"),
            MemoryMapEntry(Address(0xF0000), 0x10000, "reserved"),
            MemoryMapEntry(Address(0x100000), 0x7EE0000, "usable"),
            MemoryMapEntry(Address(0x7FE0000), 0x20000, "acpi"),
        ),
        "console=ttyS0 hello.ticks=100",
        None,
        (
            BootPhase("entry", 0, 210_000),
            BootPhase("paging", 210_000, 1_450_000),
            BootPhase("heap", 1_660_000, 820_000),
            BootPhase("interrupts", 2_480_000, 640_000),
            BootPhase("devices", 3_120_000, 3_900_000),
            BootPhase("app", 7_020_000, 1_160_000),
        ),
        8_180_000,
    )


def app(step: int) -> AppView:
    """The application of the sample."""
    return AppView(
        provenance(step),
        (),
        "hello",
        at("main", 0x101900, 0, "hello/main.c", 104),
        _span(0x200000, 0x1200000),
        _span(0x121000, 0x129000),
        128 * KIB * KIB,
        False,
        False,
        (7,),
    )


def threads(step: int) -> ThreadsView:
    """One vCPU, waiting in the loop."""
    frames = (
        Frame(0, HALT, Address(0x120FE90), "pc"),
        Frame(1, RUN, Address(0x120FEA0), "cfi", (Variable("loop", "struct event_loop *", "0x121040"),)),
        Frame(2, MAIN, Address(0x120FF20), "cfi", (Variable("ticks", "unsigned int", str(32 + step * 5)),)),
        Frame(3, START, Address(0x120FF80), "frame-pointer"),
    )
    return ThreadsView(
        provenance(step), (), (Thread("1", "cpu0", 0, "halted", "waits for an interrupt", frames),)
    )


def log(step: int) -> LogView:
    """The console: boot messages, then a line every other snapshot."""
    lines = [
        "unidbg sample: hello",
        "boot: 128 MiB usable, 5 ranges in the memory map",
        "paging: W^X on, 26 pages of code",
        "heap: 16 MiB at 0x200000",
        "uart1: the debug stub listens",
        "app: hello starts",
        *(
            f"[{now_ns(n) / 1e9:8.3f}] report: {_live_bytes(n) // KIB} KiB live, {32 + n * 5} ticks"
            for n in _reports(step)
        ),
    ]
    written = sum(len(text) + 1 for text in lines)
    return LogView(provenance(step), (), tuple(lines), 16 * KIB, written, 0)


def _reports(step: int) -> range:
    return range(0, step + 1, 2)


def overview(step: int) -> OverviewView:
    """Everything at snapshot `step`, without a network."""
    return OverviewView(
        provenance(step),
        (),
        "running",
        "",
        HALT,
        threads(step),
        app(step),
        memory(step),
        heap(step),
        loop(step),
        devices(step),
        boot(step),
        log(step),
        *(_nothing(step, name) for name in ("net", "rings", *OFFERED)),
    )


def _nothing(step: int, name: str) -> Absent:
    return Absent(name, f"the guest exports no probe of kind `{name}`", "export one", provenance(step))


def net(step: int) -> NetView:
    """An interface under load, and its connections."""
    frames = sum(_frames(earlier) for earlier in range(step))
    interface = Interface(
        "eth0", True, "52:54:00:12:34:56", "10.0.2.15", "255.255.255.0", "10.0.2.2", 1500,
        Traffic(frames, frames * 212, 3), Traffic(frames - 40, frames * 940, 0),
    )  # fmt: skip
    http = at("http_received", 0x103100, 0, "httpd/http.c", 61)
    connections = tuple(
        Connection(
            "ESTABLISHED" if port % 4 else "TIME-WAIT", "10.0.2.15", 80, "10.0.2.2", port, http,
            380 + step * 12, 90_112 + step * port % 65_536, port % 3 * 1460, port % 5 * 730, port % 2,
        )
        for port in range(40_001 + step, 40_007 + step)
    )  # fmt: skip
    protocols = (
        Protocol("arp", at("arp_received", 0x104000, 0, "libos/net/arp.c", 40), 4, 4, 0),
        Protocol("icmp", at("icmp_received", 0x104200, 0, "libos/net/icmp.c", 22), 0, 0, 0),
        Protocol("tcp", at("tcp_received", 0x104400, 0, "libos/net/tcp.c", 310), frames, frames - 44, 2),
        Protocol("udp", at("udp_received", 0x104800, 0, "libos/net/udp.c", 31), 12, 12, 1),
    )
    listeners = (
        Listener("tcp", 80, http, 40 + step),
        Listener("udp", 7, at("echo", 0x103300, 0, "httpd/echo.c", 12), 12),
    )
    return NetView(provenance(step), (), (interface,), protocols, listeners, connections)


def no_network(name: str, step: int) -> Absent:
    """What a guest without a network has to say of it."""
    return Absent(name, f"no probe of kind {name}", f"UNIDBG_PROBE({name}, main, &object)", provenance(step))


def _frames(step: int) -> int:
    return int(900 + 420 * math.sin(step / 7) + 90 * (step * 11 % 5))


def rings(step: int) -> RingsView:
    """A receive and a transmit ring over their virtqueues."""
    done = sum(_frames(earlier) for earlier in range(step))
    return RingsView(
        provenance(step), (), now_ns(step), (_ring("rx", done, step), _ring("tx", done - 40, step))
    )


def brief_rings(step: int) -> RingsView:
    """The rings as an overview has them."""
    view = rings(step)
    return replace(view, rings=tuple(replace(ring, slots=(), queue=None) for ring in view.rings))


def _ring(direction: str, count: int, step: int) -> Ring:
    flight = 5 + step % 4 if direction == "tx" else 240 + step % 9
    slots = tuple(
        RingSlot(
            (count + n) % 256, "in flight" if n < 3 else "done", Address(0x400000 + (count + n) % 256 * 2048),
            66 + n * 181, now_ns(step) - n * 90_000, None,
        )
        for n in range(6)
    )  # fmt: skip
    chain = Chain(7, "available", None, (Descriptor(7, Address(0x42E000), 1514, direction == "rx", False),))
    used, avail = count % 65536, (count + flight) % 65536
    queue = Virtqueue(
        256, Address(0x300000), Address(0x301000), Address(0x302000), avail, used, used, flight, 0,
        256 - flight, True, used + 1, avail - 3, False, False, count // 9, count, 0, (chain,),
    )  # fmt: skip
    return Ring(f"virtio0.{direction}", direction, 256, count + flight, count, flight, "", slots, queue)


Change = Callable[[OverviewView], OverviewView]


def moment(
    step: int, change: Change = lambda view: view, *, network: bool = False, whole: bool = False
) -> Moment:
    """Snapshot `step`, half a second after the one before; `whole`: the guest has everything."""
    view = overview(step)
    beside: dict[str, Part] = {"rings": rings(step)} if network or whole else {}
    if network or whole:
        view = replace(view, net=net(step), rings=brief_rings(step))
    if whole:
        view = surroundings.complete(view, step)
        beside["heap"] = surroundings.heap_with_holders(view)
    view = change(view)
    stopped = view.provenance.stopped_ns
    return Moment(100.0 + step * PERIOD_S, {"overview": view, **beside}, stopped, step, 3_100_000)


@dataclass
class RecordedReader:
    """In the worker's place: what it is told is noted, what it posts comes from the recording."""

    moments: Sequence[Moment]
    names: tuple[str, ...] = NAMES

    def __post_init__(self) -> None:
        self.post: Callable[[Event], None] = lambda event: None
        self.paused = False
        self.period = PERIOD_S
        self.watched: tuple[str, ...] = ()
        self.refreshes = 0

    def connect(self, post: Callable[[Event], None]) -> None:
        """Post the recording up to here. All but the last one are taken in before the screen is drawn."""
        self.post = post
        if self.moments:
            post(Taken(self.moments[-1]))

    def watch(self, names: tuple[str, ...]) -> None:
        """Note it."""
        self.watched = names

    def pause(self, paused: bool) -> None:
        """Note it."""
        self.paused = paused

    def refresh(self) -> None:
        """Note it."""
        self.refreshes += 1

    def set_period(self, period: float) -> None:
        """Note it."""
        self.period = period

    def lose(self, reason: str, when: float) -> None:
        """The line is lost."""
        self.post(Lost(when, reason))


def recorded_model(moments: Sequence[Moment], names: tuple[str, ...] = NAMES) -> Model:
    """A model that has seen all but the last of `moments`."""
    model = Model("localhost:1234", names, 2.0)
    model.apply(Opened(99.0, names))
    for earlier in moments[:-1]:
        model.apply(Taken(earlier))
    return model


@dataclass(frozen=True)
class RecordedSnapshot:
    """What a session's `snapshot` gives."""

    views: dict[str, View | Absent]
    stopped_ns: int | None
    generation: int


class RecordedSession:
    """A session for the worker: gives one snapshot after the other, and is gone at those in `gone_at`."""

    VIEWS = NAMES

    @dataclass(frozen=True)
    class Target:
        """What is read from; a dump's `run` is `None`."""

        run: object | None

    def __init__(self, gone_at: frozenset[int] = frozenset(), first: int = 0, alive: bool = True) -> None:
        self.target = self.Target(object() if alive else None)
        self.step = first
        self.gone_at = gone_at
        self.closed = False
        self.asked: list[tuple[str, ...]] = []

    def snapshot(self, names: Sequence[str]) -> RecordedSnapshot:
        """The next one."""
        self.asked.append(tuple(names))
        step, self.step = self.step, self.step + 1
        if step in self.gone_at:
            raise TargetGone("the guest closed the line")
        taken = moment(step)
        return RecordedSnapshot(dict(taken.views), 0, taken.generation)

    def close(self) -> None:
        """Note it."""
        self.closed = True


def absent(view: OverviewView, name: str, reason: str, remedy: str) -> OverviewView:
    """The overview with one of its views absent."""
    changed: dict[str, Any] = {name: Absent(name, reason, remedy, view.provenance)}
    return replace(view, **changed)


def faulty(view: OverviewView, *faults: Fault) -> OverviewView:
    """The overview with faults in its event loop."""
    assert isinstance(view.loop, LoopView)
    return replace(view, loop=replace(view.loop, faults=faults))
