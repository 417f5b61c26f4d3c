"""Checks of rings and virtqueues."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from unidbg.checks.check import Check, Found, Seen
from unidbg.views.base import Fault, Location
from unidbg.views.network import RingsView

LIST = ("rings", "now_ns")

_About = Callable[[Fault], bool]


def stuck(seen: Seen) -> Iterator[Found]:
    view = seen.get("rings", RingsView, *LIST[1:])
    for index, ring in enumerate(view.rings):
        if ring.stuck:
            yield Found(f"rings.{index}.stuck", f"ring {ring.name}: {ring.stuck}", None, ring.name)


def index(seen: Seen) -> Iterator[Found]:
    """Indexes that contradict each other."""
    words = ("in_flight", "untaken", "index", "free_descriptors", "last_used", "head", "tail")
    yield from _faults(seen, lambda fault: fault.where.rsplit(".", 1)[-1].endswith(words))


def descriptor_loop(seen: Seen) -> Iterator[Found]:
    yield from _faults(seen, lambda fault: "circle" in fault.reason or "in the chain of" in fault.reason)


def buffer_outside(seen: Seen) -> Iterator[Found]:
    yield from _faults(seen, lambda fault: "outside" in fault.reason or "unreadable" in fault.reason)


def _faults(seen: Seen, about: _About) -> Iterator[Found]:
    view = seen.get("rings", RingsView)
    for fault in view.faults:
        if about(fault):
            at = Location(fault.address) if fault.address is not None else None
            yield Found(fault.where, f"{fault.where}: {fault.reason}", at, fault.where.split("]")[0])


CHECKS = (
    Check(
        "ring-stuck", "error", ("rings",), "A ring that does not move though it should.",
        "look at `unidbg rings`: who has the next move, the driver or the device?", stuck,
    ),
    Check(
        "ring-index", "error", ("rings",), "Indexes of a ring or virtqueue that contradict each other.",
        "something wrote over the ring, or head and tail are updated in the wrong order", index,
    ),
    Check(
        "descriptor-loop", "error", ("rings",), "A chain of descriptors in a circle, or into another.",
        "a descriptor was freed twice, or used while the device had it", descriptor_loop,
    ),
    Check(
        "buffer-outside-memory", "error", ("rings",), "A buffer or table of a ring that lies in no memory.",
        "the driver gave the device an address that is none: it must be physical", buffer_outside,
    ),
)  # fmt: skip
