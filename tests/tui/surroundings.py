"""What the recorded guest offers its surroundings, over time; and who holds its memory."""

from __future__ import annotations

from dataclasses import replace

from tests.golden import surroundings
from unidbg.views.base import Absent
from unidbg.views.security import SecurityView
from unidbg.views.services import (
    CloudView,
    Driver,
    OrchestrationView,
    RuntimeView,
    Scaling,
)
from unidbg.views.system import BootView, HeapView, MemoryView, OverviewView

MS = 1_000_000


def complete(view: OverviewView, step: int) -> OverviewView:
    """The overview of a guest that has everything there is to show."""
    head = view.provenance
    assert isinstance(view.boot, BootView)
    assert isinstance(view.memory, MemoryView)
    return replace(
        view,
        security=SecurityView(head, (), *surroundings.SECURITY),
        cloud=CloudView(head, (), *surroundings.CLOUD),
        orchestration=_orchestration(view, step),
        runtime=_runtime(view, step),
        boot=replace(
            view.boot,
            initializers=surroundings.INITIALIZERS,
            preallocated=surroundings.GUARDS[0],
            preallocated_free=1,
        ),
        memory=replace(view.memory, guards=surroundings.GUARDS),
    )


def _orchestration(view: OverviewView, step: int) -> OrchestrationView:
    now = 12_400 * MS + step * 500 * MS
    base = OrchestrationView(view.provenance, (), *surroundings.ORCHESTRATION)
    health = base.health
    assert health is not None
    latest = replace(health.results[0], time_ns=now - 399 * MS)
    return replace(
        base,
        now_ns=now,
        health=replace(health, results=(latest, *health.results[1:]), passed=health.passed + step),
        scaling=Scaling(1, 8, 2, 3, 40 + step * 7 % 50, 75, 25),
    )


def _runtime(view: OverviewView, step: int) -> RuntimeView:
    base = RuntimeView(view.provenance, (), *surroundings.RUNTIME)
    polls = 248_000 + step * 10_000
    drivers = (
        Driver("virtio-net", "poll", 50_000, polls, polls - 6_887 - step * 90, 0),
        Driver("virtio-blk", "interrupt", 0, 0, 0, 322 + step * 3),
    )
    return replace(base, drivers=drivers)


def heap_with_holders(view: OverviewView) -> HeapView:
    """The heap as it is when it is asked for by name."""
    assert not isinstance(view.heap, Absent)
    return replace(
        view.heap,
        free_bytes=40_960,
        largest_free_bytes=16_384,
        failed=2,
        classes=surroundings.CLASSES,
        call_sites=surroundings.CALL_SITES,
    )
