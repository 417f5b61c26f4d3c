"""The event loop from a probe of kind `loop` (docs/abi.md)."""

from __future__ import annotations

from collections.abc import Iterator

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.views.base import Address, Location
from unidbg.views.system import IoHandler, LoopView, Timer


def loop(fields: Fields, context: Context) -> LoopView:
    """Armed timers and I/O handlers, in the order of their slots."""
    now = fields.unsigned("now_ns")
    timers = tuple(_timer(slot, now) for slot in active(fields, "timers", "timer_count"))
    handlers = tuple(_handler(slot) for slot in active(fields, "handlers", "handler_count"))
    counts = {name: fields.unsigned(name) for name in ("iterations", "timers_fired", "events_handled")}
    return LoopView(
        provenance=context.provenance,
        faults=fields.faults.all(),
        now_ns=now,
        timers=timers,
        handlers=handlers,
        **counts,
    )


def active(fields: Fields, member: str, count_member: str) -> Iterator[Fields]:
    """The used slots of a list, with the paths they have in the view."""
    shown = 0
    for slot in fields.structs(member, count_member):
        renamed = slot.at(f"{fields.where(member)}[{shown}]")
        if renamed.integer("active"):
            shown += 1
            yield renamed


def callback(slot: Fields) -> Location:
    """Where `callback` leads; NULL in a used slot is a fault."""
    found = slot.function("callback")
    if found is None:
        slot.faults.add(slot.where("callback"), "a used slot has no callback", slot.value.address_)
    return found or Location(Address(0))


def _timer(slot: Fields, now: int) -> Timer:
    deadline = slot.unsigned("deadline_ns")
    return Timer(
        callback=callback(slot),
        data=slot.address("data"),
        deadline_ns=deadline,
        period_ns=slot.unsigned("period_ns"),
        overdue_ns=max(0, now - deadline),
        fired=slot.unsigned("fired"),
    )


def _handler(slot: Fields) -> IoHandler:
    return IoHandler(
        descriptor=slot.integer("descriptor"),
        callback=callback(slot),
        data=slot.address("data"),
        events=slot.unsigned("events"),
    )
