"""The tiles of security, cloud, orchestration and runtime."""

from __future__ import annotations

from unidbg.render import units
from unidbg.views.security import Protection, SecurityView
from unidbg.views.services import (
    BufferPool,
    CloudView,
    Driver,
    ObjectCache,
    OrchestrationView,
    RuntimeView,
    Service,
)
from unidbg_tui import fit, words
from unidbg_tui.cells import Line, Span, guest, line
from unidbg_tui.pages.past import Past
from unidbg_tui.pages.services import attached, health_line, instances, load_gauge
from unidbg_tui.tiles.room import Room, gauge_line


def security(view: SecurityView, past: Past, room: Room) -> list[Line]:
    """How many protections hold, then those that are weak, then the others."""
    true = sum(each.found is True for each in view.protections)
    count = line(Span(f"{true} of {len(view.protections)}", "strong"), Span(" hold", "dim"))
    weak = Span(f"{len(view.weak)} weak", "bad") if view.weak else Span("none weak", "good")
    order = sorted(view.protections, key=lambda each: each.name not in view.weak)
    rows = [_protection(each, each.name in view.weak, room) for each in order]
    return [fit.either(room.width, (count, (weak,)), ((), (weak,))), *rows]


def _protection(protection: Protection, weak: bool, room: Room) -> Line:
    said = {True: Span("true", "good"), False: Span("false", "bad"), None: Span("?", "dim")}[protection.found]
    name = guest(protection.name.replace("_", " "), "bad" if weak else "")
    return fit.sides((name,), (said,), room.width)


def cloud(view: CloudView, past: Past, room: Room) -> list[Line]:
    """Volumes, cards, metadata."""
    volumes = [
        fit.sides(
            (guest(each.name, "strong"), Span(f" {units.size(each.capacity_bytes)}", "dim")),
            (_errors(each.errors) if each.errors else attached(each.attached),),
            room.width,
        )
        for each in view.volumes
    ]
    nics = [_pair(guest(each.name, "strong"), attached(each.attached), room) for each in view.nics]
    told = [_pair(guest(each.key, "dim"), guest(each.value), room) for each in view.metadata]
    return [*volumes, *nics, *told] or [(Span("nothing", "dim"),)]


def _pair(left: Span, right: Span, room: Room) -> Line:
    return fit.sides((left,), (right,), room.width)


def _errors(count: int) -> Span:
    return Span(units.plural(count, "error"), "bad")


def orchestration(view: OrchestrationView, past: Past, room: Room) -> list[Line]:
    """Health, load, instances, services."""
    lines: list[Line] = []
    if view.health is not None:
        lines.append(health_line(view.health))
    if view.scaling is not None:
        scaling = view.scaling
        percent = line(Span(f"{scaling.load_percent} %", "strong"), Span(" load", "dim"))
        lines += [
            fit.sides(percent, instances(scaling), room.width),
            gauge_line(load_gauge(scaling), room.width),
        ]
    return [*lines, *(_service(each, room) for each in view.services)]


def _service(service: Service, room: Room) -> Line:
    name = guest(service.name, "strong" if service.own else "")
    return fit.sides((name,), (guest(f"{service.address}:{service.port}", "dim"),), room.width)


def runtime(view: RuntimeView, past: Past, room: Room) -> list[Line]:
    """What drives each driver and how fast; pools and caches."""
    drivers = [_driver(n, each, past, room) for n, each in enumerate(view.drivers)]
    pools = [_pool(each, room) for each in view.pools]
    return [*drivers, *pools, *(_cache(each, room) for each in view.caches)] or [(Span("nothing", "dim"),)]


def _driver(number: int, driver: Driver, past: Past, room: Room) -> Line:
    rate = words.rate(past.rate(f"runtime.{number}.turns"))
    mode = guest(f" {driver.mode}", "accent" if driver.mode == "poll" else "dim")
    return fit.sides((guest(driver.name, "strong"), mode), (Span(rate),), room.width)


def _pool(pool: BufferPool, room: Room) -> Line:
    out = line(f"{units.count(pool.out)}", Span(f" of {units.count(pool.total)} out", "dim"))
    return fit.sides((guest(pool.name),), out, room.width)


def _cache(cache: ObjectCache, room: Room) -> Line:
    hits = line(units.percent(cache.hits, cache.allocations), Span(" hits", "dim"))
    return fit.sides((guest(cache.name),), hits, room.width)
