"""The first page, put together from the other views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from unidbg.errors import TargetError
from unidbg.profiles.base import Context
from unidbg.profiles.threads import death, reason
from unidbg.views.base import Absent, Location, View
from unidbg.views.network import NetView, RingsView
from unidbg.views.security import SecurityView
from unidbg.views.services import CloudView, OrchestrationView, RuntimeView
from unidbg.views.system import (
    AppView,
    BootView,
    DevicesView,
    HeapView,
    LogView,
    LoopView,
    MemoryView,
    OverviewView,
    ThreadsView,
)

PC_NAMES = ("rip", "pc", "eip")

V = TypeVar("V", bound=View)


def overview(context: Context, parts: Mapping[str, View | Absent]) -> OverviewView:
    """`parts` has a view, or why it is absent, for each of `OVERVIEW_PARTS`."""

    def part(name: str, kind: type[V]) -> V | Absent:
        found = parts[name]
        assert isinstance(found, kind | Absent), f"{name} is {type(found).__name__}"
        return found

    stop, dead = context.program.target.stop_reason, death(context)
    return OverviewView(
        provenance=context.provenance,
        faults=(),
        state="running" if context.was_running and dead is None else "stopped",
        reason=dead.text if dead else reason(context, stop),
        pc=context.program.locate(dead.at[0]) if dead and dead.at else _pc(context),
        threads=part("threads", ThreadsView),
        app=part("app", AppView),
        memory=part("memory", MemoryView),
        heap=part("heap", HeapView),
        loop=part("loop", LoopView),
        devices=part("devices", DevicesView),
        boot=part("boot", BootView),
        log=part("log", LogView),
        net=part("net", NetView),
        rings=part("rings", RingsView),
        security=part("security", SecurityView),
        cloud=part("cloud", CloudView),
        orchestration=part("orchestration", OrchestrationView),
        runtime=part("runtime", RuntimeView),
    )


def _pc(context: Context) -> Location | None:
    """Where the thread that stopped (else the first) is."""
    stop = context.program.target.stop_reason
    try:
        ids = [thread.id for thread in context.program.target.threads()]
        chosen = stop.thread if stop is not None and stop.thread in ids else ids[0] if ids else None
        values = context.program.registers(chosen) if chosen is not None else {}
    except TargetError:
        return None
    pc = next((values[name] for name in PC_NAMES if values.get(name) is not None), None)
    return None if pc is None else context.program.locate(pc)
