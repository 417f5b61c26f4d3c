"""Cloud, orchestration and runtime: what a unikernel offers its surroundings, and what drives it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.views.services import (
    BufferPool,
    CloudView,
    Driver,
    Health,
    HealthResult,
    Metadata,
    ObjectCache,
    OrchestrationView,
    RuntimeView,
    Scaling,
    Service,
    Volume,
)


def cloud(view: CloudView, page: Page) -> Sequence[RenderableType]:
    channel = cells.guest(view.put_channel) if view.put_channel else cells.none()
    drawn: list[RenderableType] = [layout.facts([("puts go to", channel)])]
    for table in (_metadata(view.metadata), _volumes(view.volumes), _nics(view), _hooks(view)):
        drawn += [layout.BLANK, table]
    return drawn


def _metadata(found: Sequence[Metadata]) -> RenderableType:
    if not found:
        return Text("no metadata", style=cells.DIM)
    rows = [
        (cells.guest(each.key, cells.HEAD), cells.guest(each.source, cells.DIM), cells.guest(each.value))
        for each in found
    ]
    return layout.table(("metadata", "source", "value"), rows)


def attached(flag: bool) -> Text:
    """Whether it is there now."""
    return Text("attached", style=cells.GOOD) if flag else Text("detached", style=cells.DIM)


def _volumes(volumes: Sequence[Volume]) -> RenderableType:
    if not volumes:
        return Text("no volumes", style=cells.DIM)
    rows = [
        (
            cells.guest(each.name, cells.HEAD),
            attached(each.attached),
            cells.size(each.capacity_bytes),
            cells.size(each.block_bytes),
            cells.size(each.read_bytes),
            cells.size(each.written_bytes),
            _bad(each.errors),
        )
        for each in volumes
    ]
    titles = (">!capacity", ">!block", ">!read", ">!written", ">!errors")
    return layout.table(("volume", "!", *titles), rows)


def _bad(count: int) -> Text:
    """A count that should be 0."""
    return Text(units.count(count), style=cells.BAD if count else cells.DIM)


def _nics(view: CloudView) -> RenderableType:
    if not view.nics:
        return Text("no network cards", style=cells.DIM)
    rows = [
        (cells.guest(each.name, cells.HEAD), attached(each.attached), cells.guest(each.mac))
        for each in view.nics
    ]
    return layout.table(("nic", "!", "!mac"), rows)


def _hooks(view: CloudView) -> RenderableType:
    if not view.hooks:
        return Text("no hooks", style=cells.DIM)
    rows = [(cells.guest(each.name, cells.HEAD), cells.place(each.function)) for each in view.hooks]
    return layout.table(("hook", "function"), rows)


def cloud_part(view: CloudView, page: Page) -> Sequence[RenderableType]:
    """What the overview shows of it."""
    volumes = [
        _with(each.name, f"{units.size(each.capacity_bytes)} ", attached(each.attached))
        for each in view.volumes
    ]
    nics = [_with(each.name, attached(each.attached)) for each in view.nics]
    errors = sum(each.errors for each in view.volumes)
    told = Text(f"{len(view.metadata)} metadata")
    failed = Text(units.plural(errors, "error") if errors else "", style=cells.BAD)
    return [layout.flow([*volumes, *nics, told, failed], page.width)]


def _with(name: str, *said: Text | str) -> Text:
    """A name of the guest's and what there is to say of it, for the overview."""
    return Text.assemble(cells.guest(name, cells.HEAD), " ", *said)


# orchestration


def orchestration(view: OrchestrationView, page: Page) -> Sequence[RenderableType]:
    drawn: list[RenderableType] = [layout.facts(_orchestration_facts(view, page))]
    if view.health is not None and view.health.results:
        drawn += [layout.BLANK, _results(view.health.results, view.now_ns)]
    return [*drawn, layout.BLANK, _services(view)]


def _orchestration_facts(view: OrchestrationView, page: Page) -> Iterator[tuple[str, RenderableType]]:
    yield "clock", cells.duration(view.now_ns)
    if view.health is None:
        yield "health", Text("not checked", style=cells.DIM)
    else:
        yield "health", health_line(view.health)
        yield "check", cells.place(view.health.check)
        every, longest = (units.duration(ns) for ns in (view.health.interval_ns, view.health.timeout_ns))
        yield "interval", Text(f"every {every}, at most {longest}")
        yield "results", _counted(view.health)
    if view.scaling is None:
        yield "scaling", Text("none", style=cells.DIM)
    else:
        yield "instances", instances(view.scaling)
        yield "load", load(view.scaling, page)


OUTCOMES = {"ok": cells.GOOD, "failed": cells.BAD, "timeout": cells.BAD}


def health_line(health: Health) -> Text:
    """The last outcome and its age, and the check that runs now."""
    if health.results:
        last = health.results[0].outcome
        text = cells.guest(last, OUTCOMES.get(last, cells.WARN))
        text.append(f" {units.duration(health.age_ns or 0)} ago", style=cells.DIM)
    else:
        text = Text("no result yet", style=cells.DIM)
    if health.running_ns:
        late = health.timeout_ns and health.running_ns > health.timeout_ns
        text.append(f", one runs for {units.duration(health.running_ns)}", style=cells.BAD if late else "")
    return text


def _counted(health: Health) -> Text:
    failed, late = health.failed, health.timed_out
    return Text.assemble(
        f"{units.count(health.passed)} passed, ",
        (f"{units.count(failed)} failed", cells.BAD if failed else cells.DIM),
        (f", {units.count(late)} timed out", cells.BAD if late else cells.DIM),
    )


def instances(scaling: Scaling) -> Text:
    """`2 of 1..8`, and what is wanted where that differs."""
    text = Text(f"{scaling.instances} of {scaling.minimum}..{scaling.maximum}")
    if scaling.wanted != scaling.instances:
        text.append(f", {scaling.wanted} wanted", style=cells.WARN)
    return text


def load(scaling: Scaling, page: Page) -> Text:
    """The load as a gauge, and the thresholds."""
    gauge = cells.bar(scaling.load_percent, 100, 24 if page.wide else 16, page)
    limits = f", down below {scaling.down_percent} %, up from {scaling.up_percent} %"
    return Text.assemble(gauge, f" {scaling.load_percent} %", (limits, cells.DIM))


def _results(results: Sequence[HealthResult], now_ns: int) -> RenderableType:
    rows = [
        (
            Text(f"{units.duration(max(0, now_ns - each.time_ns))} ago"),
            cells.guest(each.outcome, OUTCOMES.get(each.outcome, cells.WARN)),
            cells.duration(each.duration_ns),
        )
        for each in results
    ]
    return layout.table((">!checked", "!outcome", ">!took"), rows)


def _services(view: OrchestrationView) -> RenderableType:
    if not view.services:
        return Text("no services", style=cells.DIM)
    rows = [
        (
            cells.guest(each.name, cells.HEAD),
            Text("ours") if each.own else Text("heard", style=cells.DIM),
            cells.guest(f"{each.address}:{each.port}"),
            cells.number(each.announcements),
            seen(each, view.now_ns),
        )
        for each in view.services
    ]
    return layout.table(("service", "!", "!address", ">!announced", ">!seen"), rows)


def seen(service: Service, now_ns: int) -> Text:
    """How long ago it was announced or heard."""
    if not service.seen_ns:
        return Text("never", style=cells.DIM)
    return Text(f"{units.duration(max(0, now_ns - service.seen_ns))} ago")


def orchestration_part(view: OrchestrationView, page: Page) -> Sequence[RenderableType]:
    """What the overview shows of it."""
    items: list[Text] = []
    if view.health is not None:
        items.append(Text.assemble(("health ", cells.DIM), health_line(view.health)))
    if view.scaling is not None:
        items.append(Text.assemble(("instances ", cells.DIM), instances(view.scaling)))
        items.append(Text.assemble(("load ", cells.DIM), f"{view.scaling.load_percent} %"))
    return [layout.flow([*items, Text(units.plural(len(view.services), "service"))], page.width)]


# runtime


def runtime(view: RuntimeView, page: Page) -> Sequence[RenderableType]:
    drawn: list[RenderableType] = [_drivers(view.drivers)]
    for table in (_pools(view.pools), _caches(view.caches)):
        drawn += [layout.BLANK, table]
    return drawn


def _drivers(drivers: Sequence[Driver]) -> RenderableType:
    if not drivers:
        return Text("no drivers", style=cells.DIM)
    rows = [
        (
            cells.guest(each.name, cells.HEAD),
            cells.guest(each.mode),
            cells.duration(each.interval_ns) if each.interval_ns else cells.none(),
            cells.number(each.polls),
            Text(units.percent(each.empty_polls, each.polls)),
            cells.number(each.interrupts),
        )
        for each in drivers
    ]
    return layout.table(("driver", "!mode", ">!interval", ">!polls", ">!in vain", ">!interrupts"), rows)


def _pools(pools: Sequence[BufferPool]) -> RenderableType:
    if not pools:
        return Text("no pools", style=cells.DIM)
    rows = [
        (
            cells.guest(each.name, cells.HEAD),
            cells.size(each.buffer_bytes),
            Text(f"{units.count(each.out)} of {units.count(each.total)}"),
            cells.number(each.peak),
            cells.number(each.taken),
            cells.number(each.released),
            _bad(each.failed),
        )
        for each in pools
    ]
    titles = (">!buffer", ">!out", ">!peak", ">!taken", ">!released", ">!failed")
    return layout.table(("pool", *titles), rows)


def _caches(caches: Sequence[ObjectCache]) -> RenderableType:
    if not caches:
        return Text("no caches", style=cells.DIM)
    rows = [
        (
            cells.guest(each.name, cells.HEAD),
            cells.size(each.object_bytes),
            cells.number(each.in_use),
            cells.number(each.cached),
            cells.number(each.allocations),
            Text(units.percent(each.hits, each.allocations)),
            cells.number(each.flushes),
        )
        for each in caches
    ]
    titles = (">!object", ">!in use", ">!cached", ">!allocated", ">!hits", ">!flushes")
    return layout.table(("cache", *titles), rows)


def runtime_part(view: RuntimeView, page: Page) -> Sequence[RenderableType]:
    """What the overview shows of it."""
    drivers = [_with(each.name, cells.guest(each.mode, cells.DIM)) for each in view.drivers]
    pools = [
        _with(each.name, f"{units.count(each.out)} of {units.count(each.total)} out") for each in view.pools
    ]
    caches = [_with(each.name, f"{units.percent(each.hits, each.allocations)} hits") for each in view.caches]
    items = [*drivers, *pools, *caches]
    return [layout.flow(items, page.width)] if items else [Text("nothing", style=cells.DIM)]
