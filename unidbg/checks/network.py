"""Checks of rings and virtqueues."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from unidbg.checks.check import CannotTell, Check, Found, Seen
from unidbg.views.base import Fault, Location
from unidbg.views.network import Descriptor, RingsView
from unidbg.views.system import BootView

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
    """Tables and frames that cannot be read, and buffers that the memory map does not have."""
    yield from _faults(seen, lambda fault: "outside" in fault.reason or "unreadable" in fault.reason)
    buffers = list(_buffers(seen.get("rings", RingsView)))
    if buffers:
        ram = _ram(seen)
        for where, ring, one in buffers:
            start, end = one.address, one.address + one.length_bytes
            if not any(low <= start and end <= high for low, high in ram):
                buffer = f"descriptor {one.index} of {ring}: {one.length_bytes} bytes at physical {start:#x}"
                yield Found(where, f"{buffer} lie in no memory", None, ring)


def _buffers(view: RingsView) -> Iterator[tuple[str, str, Descriptor]]:
    """(path, name of the ring, descriptor) of all that are in a chain."""
    for number, ring in enumerate(view.rings):
        for at, chain in enumerate(ring.queue.chains if ring.queue else ()):
            for index, one in enumerate(chain.descriptors):
                yield f"rings.{number}.queue.chains.{at}.descriptors.{index}", ring.name, one


def _ram(seen: Seen) -> list[tuple[int, int]]:
    """What is memory by the map that the guest was given at boot; what touches is one."""
    view = seen.get("boot", BootView, "memory_map")
    found: list[tuple[int, int]] = []
    for entry in sorted(view.memory_map, key=lambda entry: entry.start):
        start, end = entry.start, entry.start + entry.length_bytes
        if entry.type == "usable" and found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        elif entry.type == "usable":
            found.append((start, end))
    if not found:
        raise CannotTell("the guest has no memory map to hold its buffers against")
    return found


def _faults(seen: Seen, about: _About) -> Iterator[Found]:
    view = seen.get("rings", RingsView)
    for fault in view.faults:
        if fault.where in LIST:
            raise CannotTell(f"rings.{fault.where}: {fault.reason}")
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
        "buffer-outside-memory", "error", ("rings", "boot"), "A buffer or table of a ring outside of memory.",
        "the driver gave the device an address that is none: it must be physical", buffer_outside,
    ),
)  # fmt: skip
