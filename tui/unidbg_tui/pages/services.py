"""The panes of cloud and orchestration."""

from __future__ import annotations

from collections.abc import Iterator

from unidbg.render import units
from unidbg.views.services import (
    CloudView,
    Health,
    HealthResult,
    Hook,
    Metadata,
    Nic,
    OrchestrationView,
    Scaling,
    Service,
    Volume,
)
from unidbg_tui import words
from unidbg_tui.cells import (
    Cell,
    Fact,
    Gauge,
    Line,
    Page,
    Role,
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
from unidbg_tui.pages.past import Past

_METADATA = columns("key", "source", "value+")
_VOLUMES = columns("volume", "state", ">capacity", ">block", ">read", ">written", ">errors")
_NICS = columns("nic", "state", "mac+")
_HOOKS = columns("hook", "function+")


def cloud(view: CloudView, past: Past) -> Page:
    """Metadata, volumes, cards and hooks."""
    channel = line(guest(view.put_channel)) if view.put_channel else (words.NONE,)
    return Page(
        (Fact("puts go to", channel, (1, view.put_channel)),),
        tables=(
            Table("volumes", _VOLUMES, distinct(map(_volume, view.volumes)), "no volume"),
            Table("metadata", _METADATA, distinct(map(_metadata, view.metadata)), "no metadata"),
            Table("network cards", _NICS, distinct(map(_nic, view.nics)), "no network card"),
            Table("hooks", _HOOKS, distinct(map(_hook, view.hooks)), "no hook"),
        ),
    )


def attached(flag: bool) -> Span:
    """Whether it is there now."""
    return Span("attached", "good") if flag else Span("detached", "dim")


def _attached(flag: bool) -> Cell:
    return Cell((attached(flag),), (0, int(flag)))


def _metadata(each: Metadata) -> Row:
    return Row(
        each.key, (text_cell(each.key, "strong"), text_cell(each.source, "dim"), text_cell(each.value))
    )


def _volume(each: Volume) -> Row:
    cells = (
        text_cell(each.name, "strong"),
        _attached(each.attached),
        size_cell(each.capacity_bytes),
        size_cell(each.block_bytes),
        size_cell(each.read_bytes),
        size_cell(each.written_bytes),
        bad_cell(each.errors),
    )
    return Row(each.name, cells)


def size_cell(count: int) -> Cell:
    """Bytes."""
    return number_cell(count, units.size(count))


def bad_cell(count: int) -> Cell:
    """A count that should be 0."""
    return number_cell(count, role="bad" if count else "dim")


def _nic(each: Nic) -> Row:
    return Row(each.name, (text_cell(each.name, "strong"), _attached(each.attached), text_cell(each.mac)))


def _hook(each: Hook) -> Row:
    return Row(each.name, (text_cell(each.name, "strong"), words.place_cell(each.function)))


# orchestration

OUTCOMES: dict[str, Role] = {"ok": "good", "failed": "bad", "timeout": "bad"}
_RESULTS = columns(">checked", "outcome", ">took")
_SERVICES = columns("service", "whose", "address", ">announced", ">seen")


def orchestration(view: OrchestrationView, past: Past) -> Page:
    """Health, scaling and discovery."""
    results = view.health.results if view.health is not None else ()
    checked = tuple(_result(each, view.now_ns) for each in results)
    services = distinct(_service(each, view.now_ns) for each in view.services)
    return Page(
        tuple(_facts(view)),
        tables=(
            Table("health checks", _RESULTS, checked, "no result yet"),
            Table("services", _SERVICES, services, "no service is known"),
        ),
    )


def _facts(view: OrchestrationView) -> Iterator[Fact]:
    yield Fact("guest clock", line(Span(units.duration(view.now_ns), "strong")), (0, view.now_ns))
    if view.health is None:
        yield Fact("health", line(Span("not checked", "dim")))
    else:
        yield from _health(view.health)
    if view.scaling is None:
        yield Fact("scaling", line(Span("none", "dim")))
    else:
        scaling = view.scaling
        yield Fact("instances", instances(scaling), (0, scaling.instances))
        yield Fact("load", load(scaling), (0, scaling.load_percent), load_gauge(scaling))


def _health(health: Health) -> Iterator[Fact]:
    yield Fact("health", health_line(health), (1, health.results[0].outcome if health.results else ""))
    if health.check is not None:
        yield Fact("check", words.place(health.check), (0, health.check.address))
    every, longest = units.duration(health.interval_ns), units.duration(health.timeout_ns)
    yield Fact("interval", line(f"every {every}, at most {longest}"), (0, health.interval_ns))
    counted = line(
        Span(f"{health.passed:,} passed, "),
        Span(f"{health.failed:,} failed, ", "bad" if health.failed else "dim"),
        Span(f"{health.timed_out:,} timed out", "bad" if health.timed_out else "dim"),
    )
    yield Fact("results", counted, (0, health.passed + health.failed + health.timed_out))


def health_line(health: Health) -> Line:
    """The last outcome and its age, and the check that runs now."""
    spans = [Span("no result yet", "dim")]
    if health.results:
        last = health.results[0].outcome
        ago = Span(f" {units.duration(health.age_ns or 0)} ago", "dim")
        spans = [guest(last, OUTCOMES.get(last, "warn")), ago]
    if health.running_ns:
        late = health.timeout_ns and health.running_ns > health.timeout_ns
        spans.append(Span(f", one runs for {units.duration(health.running_ns)}", "bad" if late else ""))
    return tuple(spans)


def instances(scaling: Scaling) -> Line:
    """How many of how many, and what is wanted where that differs."""
    of = Span(f" of {scaling.minimum}..{scaling.maximum}", "dim")
    wanted = f", {scaling.wanted} wanted" if scaling.wanted != scaling.instances else ""
    return line(Span(f"{scaling.instances}", "strong"), of, Span(wanted, "warn"))


def load(scaling: Scaling) -> Line:
    """The load and its thresholds."""
    limits = Span(f"  down below {scaling.down_percent} %, up from {scaling.up_percent} %", "dim")
    return line(Span(f"{scaling.load_percent} %", "strong"), limits)


def load_gauge(scaling: Scaling) -> Gauge:
    """The load, marked where scaling up begins."""
    role: Role = "warn" if scaling.load_percent >= scaling.up_percent else "accent"
    return Gauge(min(1.0, scaling.load_percent / 100), min(1.0, scaling.up_percent / 100), role)


def _result(each: HealthResult, now_ns: int) -> Row:
    cells = (
        _ago(each.time_ns, now_ns),
        text_cell(each.outcome, OUTCOMES.get(each.outcome, "warn")),
        number_cell(each.duration_ns, units.duration(each.duration_ns)),
    )
    return Row(f"{each.time_ns}", cells)


def _ago(time_ns: int, now_ns: int) -> Cell:
    if not time_ns:
        return number_cell(None)
    age = max(0, now_ns - time_ns)
    return number_cell(age, f"{units.duration(age)} ago")


def _service(each: Service, now_ns: int) -> Row:
    address = f"{each.address}:{each.port}"
    cells = (
        text_cell(each.name, "strong"),
        text_cell("ours" if each.own else "heard", "" if each.own else "dim"),
        text_cell(address),
        number_cell(each.announcements),
        _ago(each.seen_ns, now_ns),
    )
    return Row(f"{each.name} {address}", cells)
