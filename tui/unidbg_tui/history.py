"""What went before: numbers of past snapshots, for sparklines."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import pairwise

from unidbg.views.base import Absent
from unidbg.views.network import NetView, RingsView
from unidbg.views.services import OrchestrationView, RuntimeView
from unidbg.views.system import (
    OVERVIEW_PARTS,
    DevicesView,
    HeapView,
    LogView,
    LoopView,
    OverviewView,
    ThreadsView,
)
from unidbg_tui.source import Moment, Part

CAPACITY = 720
"""Points kept of each series: three minutes at 4 Hz."""

Point = tuple[float, float | None]


class Series:
    """One number over time. A `None` is a gap: the line was lost, or the view absent."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._points: deque[Point] = deque(maxlen=capacity)

    def add(self, at: float, value: float | None) -> None:
        """The value at `at` (seconds)."""
        self._points.append((at, value))

    def levels(self, until: float | None = None) -> list[float | None]:
        """The values, oldest first; those after `until` left out."""
        return [value for at, value in self._points if until is None or at <= until]

    def rates(self, until: float | None = None) -> list[float | None]:
        """Growth per second between neighbours; a gap where either is one or the counter fell (a reboot)."""
        points = [point for point in self._points if until is None or point[0] <= until]
        return [_rate(before, after) for before, after in pairwise(points)]


def _rate(before: Point, after: Point) -> float | None:
    (began, low), (ended, high) = before, after
    if low is None or high is None or high < low or ended <= began:
        return None
    return (high - low) / (ended - began)


class History:
    """All series, by the JSON path of what they follow."""

    def __init__(self) -> None:
        self._series: dict[str, Series] = {}

    def series(self, path: str) -> Series:
        """The series of `path`; an empty one where nothing was seen of it."""
        return self._series.get(path) or Series()

    def add(self, moment: Moment) -> None:
        """Note the numbers of `moment`; what it lacks becomes a gap."""
        numbers = dict(measure(moment))
        for path in numbers:
            self._series.setdefault(path, Series())
        for path, series in self._series.items():
            series.add(moment.taken_at, numbers.get(path))

    def gap(self, at: float) -> None:
        """The line was lost at `at`."""
        for series in self._series.values():
            series.add(at, None)


def measure(moment: Moment) -> Iterator[tuple[str, float]]:
    """The numbers of a snapshot that are worth a line over time."""
    if moment.stopped_ns is not None:
        yield "stopped_ns", float(moment.stopped_ns)
    for part in parts(moment.views).values():
        if not isinstance(part, Absent):
            yield from _numbers(part)


def parts(views: Mapping[str, Part]) -> dict[str, Part]:
    """The views of a snapshot, and those inside its overview."""
    found = dict(views)
    overview = views.get("overview")
    if isinstance(overview, OverviewView):
        for name in OVERVIEW_PARTS:
            found.setdefault(name, getattr(overview, name))
    return found


IF_THERE = ("net", "rings", "security", "cloud", "orchestration", "runtime")
"""Views that have a tile only where the guest has what they show."""

IN_BRIEF = ("rings", "heap")
"""Those that have less there than when they are asked for by name."""


def _numbers(view: object) -> Iterator[tuple[str, float]]:
    match view:
        case HeapView():
            yield "heap.allocated_bytes", float(view.allocated_bytes)
            yield "heap.count", float(view.count)
        case LoopView():
            yield "loop.iterations", float(view.iterations)
            yield "loop.timers_fired", float(view.timers_fired)
            yield "loop.events_handled", float(view.events_handled)
            yield "loop.overdue_ns", float(max((timer.overdue_ns for timer in view.timers), default=0))
        case DevicesView():
            yield "devices.interrupts", float(sum(device.interrupts for device in view.devices))
            for number, device in enumerate(view.devices):
                yield f"devices.{number}.interrupts", float(device.interrupts)
        case NetView():
            yield "net.rx.packets", float(sum(interface.rx.packets for interface in view.interfaces))
            yield "net.tx.packets", float(sum(interface.tx.packets for interface in view.interfaces))
        case RingsView():
            for number, ring in enumerate(view.rings):
                yield f"rings.{number}.head", float(ring.head)
        case OrchestrationView(scaling=scaling) if scaling is not None:
            yield "orchestration.load_percent", float(scaling.load_percent)
        case RuntimeView():
            for number, driver in enumerate(view.drivers):
                yield f"runtime.{number}.turns", float(driver.polls + driver.interrupts)
        case LogView():
            yield "log.written_bytes", float(view.written_bytes)
        case ThreadsView():
            yield "threads.count", float(len(view.threads))
