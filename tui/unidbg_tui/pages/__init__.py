"""View to page: what the pane of each view shows, as pure functions of the view and the past."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unidbg.views.base import View
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
    ThreadsView,
)
from unidbg_tui.cells import Page
from unidbg_tui.pages.generic import generic
from unidbg_tui.pages.log import log
from unidbg_tui.pages.memory import heap, memory
from unidbg_tui.pages.network import net, rings
from unidbg_tui.pages.past import Past
from unidbg_tui.pages.runtime import runtime
from unidbg_tui.pages.security import security
from unidbg_tui.pages.services import cloud, orchestration
from unidbg_tui.pages.system import app, boot, devices, loop
from unidbg_tui.pages.threads import threads

__all__ = ["PAGES", "Past", "page_of"]

PAGES: dict[type[View], Callable[[Any, Past], Page]] = {
    AppView: app,
    BootView: boot,
    CloudView: cloud,
    DevicesView: devices,
    HeapView: heap,
    LogView: log,
    LoopView: loop,
    MemoryView: memory,
    NetView: net,
    OrchestrationView: orchestration,
    RingsView: rings,
    RuntimeView: runtime,
    SecurityView: security,
    ThreadsView: threads,
}


def page_of(view: View, past: Past) -> Page:
    """The page of `view`; a view with no page of its own gets a generic one."""
    return PAGES.get(type(view), generic)(view, past)
