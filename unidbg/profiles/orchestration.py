"""Health, scaling and service discovery, from a probe of kind `orchestration` (docs/abi.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.profiles.slots import ipv4, port, used
from unidbg.program.value import Value
from unidbg.views.services import Health, HealthResult, OrchestrationView, Scaling, Service

OUTCOMES = ("ok", "failed", "timeout")
"""By the numbers of docs/abi.md."""
MAX_NAME = 256
MAX_RESULTS = 64
"""Results that are shown, from the latest on."""


def orchestration(fields: Fields, context: Context) -> OrchestrationView:
    """All of it; a part whose pointer is NULL is `None`."""
    now = fields.unsigned("now_ns")
    return OrchestrationView(
        provenance=context.provenance,
        now_ns=now,
        health=_health(fields, now),
        scaling=_scaling(fields),
        services=tuple(_service(slot) for slot in used(fields, "service", "active")),
        faults=fields.faults.all(),
    )


def _part(fields: Fields, name: str) -> Fields | None:
    return fields.struct(name, fields.where(name)) if fields.has(name) else None


def _health(fields: Fields, now: int) -> Health | None:
    part = _part(fields, "health")
    if part is None:
        return None
    results = tuple(_results(part))
    started = part.unsigned("started_ns")
    for name, time in (("age_ns", results[0].time_ns if results else 0), ("running_ns", started)):
        if time > now:
            part.faults.add(part.where(name), f"{time} ns lies ahead of the guest's clock, {now} ns")
    return Health(
        check=part.function("check"),
        interval_ns=part.unsigned("interval_ns"),
        timeout_ns=part.unsigned("timeout_ns"),
        passed=part.unsigned("passed"),
        failed=part.unsigned("failed"),
        timed_out=part.unsigned("timed_out"),
        age_ns=max(0, now - results[0].time_ns) if results else None,
        running_ns=max(0, now - started) if started else 0,
        results=results,
    )


def _results(part: Fields) -> Iterator[HealthResult]:
    """Those of the ring, the latest first; slots that were never used are left out."""
    slots = list(part.items("results", "result_count"))
    written = part.unsigned("results_written")
    shown = 0
    for value in _latest_first(slots, written):
        slot = Fields(part.program, value, part.faults, f"{part.where('results')}[{shown}]")
        time = slot.unsigned("time_ns")
        if time and shown < MAX_RESULTS:
            shown += 1
            yield HealthResult(time, _outcome(slot), slot.unsigned("duration_ns"))


def _latest_first(slots: Sequence[Value], written: int) -> Iterator[Value]:
    for back in range(min(len(slots), written)):
        yield slots[(written - 1 - back) % len(slots)]


def _outcome(slot: Fields) -> str:
    number = slot.unsigned("outcome")
    if number < len(OUTCOMES):
        return OUTCOMES[number]
    slot.faults.add(slot.where("outcome"), f"{number} is no outcome", slot.value.address_)
    return f"outcome {number}"


SCALING = ("minimum", "maximum", "instances", "wanted", "load_percent", "up_percent", "down_percent")


def _scaling(fields: Fields) -> Scaling | None:
    part = _part(fields, "scaling")
    if part is None:
        return None
    scaling = Scaling(*(part.unsigned(name) for name in SCALING))
    if scaling.minimum > scaling.maximum:
        reason = f"at least {scaling.minimum} instances, but at most {scaling.maximum}"
        part.faults.add(part.where("minimum"), reason, part.value.address_)
    return scaling


def _service(slot: Fields) -> Service:
    return Service(
        name=slot.text("name", limit=MAX_NAME),
        address=ipv4(slot, "address"),
        port=port(slot, "port"),
        own=bool(slot.integer("own")),
        announcements=slot.unsigned("announcements"),
        seen_ns=slot.unsigned("seen_ns"),
    )
