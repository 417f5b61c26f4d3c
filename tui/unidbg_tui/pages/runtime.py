"""The pane of runtime: drivers, pools, caches."""

from __future__ import annotations

from unidbg.render import units
from unidbg.views.services import (
    BufferPool,
    Driver,
    ObjectCache,
    RuntimeView,
)
from unidbg_tui import words
from unidbg_tui.cells import (
    Cell,
    Chart,
    Column,
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
from unidbg_tui.pages.services import bad_cell, size_cell

_DRIVERS = columns("driver", "mode", ">interval", ">polls", ">in vain", ">interrupts", ">rate")
_POOLS = columns(
    "pool",
    ">buffer",
    ">out",
    ">of",
    ">peak",
    ">taken",
    ">released",
    ">failed",
    Column("filled", grow=True, bar=True),
)
_CACHES = columns("cache", ">object", ">in use", ">cached", ">allocated", ">freed", ">hits", ">flushes")


def runtime(view: RuntimeView, past: Past) -> Page:
    """Drivers with the rate of what drives them, pools, caches."""
    drivers = distinct(_driver(each, past.rate(f"runtime.{n}.turns")) for n, each in enumerate(view.drivers))
    return Page(
        charts=tuple(_driver_chart(n, each, past) for n, each in enumerate(view.drivers[:2])),
        tables=(
            Table("drivers", _DRIVERS, drivers, "no driver"),
            Table("buffer pools", _POOLS, distinct(map(_pool, view.pools)), "no pool"),
            Table("object caches", _CACHES, distinct(map(_cache, view.caches)), "no cache"),
        ),
    )


def _driver_chart(number: int, driver: Driver, past: Past) -> Chart:
    rates = past.rates(f"runtime.{number}.turns")
    now = words.rate(rates[-1] if rates else None)
    what = "polls" if driver.mode == "poll" else "interrupts"
    name = guest(driver.name).text
    return Chart(f"{name} {what}", rates, line(Span(now, "strong")), top_rate(rates))


def _driver(driver: Driver, rate: float | None) -> Row:
    interval = units.duration(driver.interval_ns) if driver.interval_ns else "-"
    cells = (
        text_cell(driver.name, "strong"),
        text_cell(driver.mode, "accent" if driver.mode == "poll" else ""),
        number_cell(driver.interval_ns, interval),
        number_cell(driver.polls),
        number_cell(driver.empty_polls, units.percent(driver.empty_polls, driver.polls)),
        number_cell(driver.interrupts),
        number_cell(int(rate) if rate is not None else None, words.rate(rate)),
    )
    return Row(driver.name, cells)


def _pool(pool: BufferPool) -> Row:
    share = min(1.0, pool.out / pool.total) if pool.total > 0 else 0.0
    cells = (
        text_cell(pool.name, "strong"),
        size_cell(pool.buffer_bytes),
        number_cell(pool.out),
        number_cell(pool.total),
        number_cell(pool.peak),
        number_cell(pool.taken),
        number_cell(pool.released),
        bad_cell(pool.failed),
        Cell((), (0, pool.out), (0.0, share)),
    )
    return Row(pool.name, cells)


def _cache(cache: ObjectCache) -> Row:
    cells = (
        text_cell(cache.name, "strong"),
        size_cell(cache.object_bytes),
        number_cell(cache.in_use),
        number_cell(cache.cached),
        number_cell(cache.allocations),
        number_cell(cache.frees),
        number_cell(cache.hits, units.percent(cache.hits, cache.allocations)),
        number_cell(cache.flushes),
    )
    return Row(cache.name, cells)
