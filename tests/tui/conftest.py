"""Apps over a recorded session."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable

import pytest
from unidbg_tui.app import UnidbgApp

from tests.tui.recorded import NAMES, OFFERED, PERIOD_S, Change, RecordedReader, moment, recorded_model

STEPS = 60
"""Snapshots that the recording holds when a test begins: half a minute."""

NOW = 100.0 + STEPS * PERIOD_S

MakeApp = Callable[..., tuple[UnidbgApp, RecordedReader]]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests, each in a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture
def make_app() -> MakeApp:
    """Makes an app that has seen `steps` snapshots, each through `change`; and the reader it steers."""

    def make(
        change: Change = lambda view: view,
        steps: int = STEPS,
        names: tuple[str, ...] = NAMES,
        theme: str | None = None,
        view: str = "overview",
        now: float = NOW,
        network: bool = False,
        whole: bool = False,
    ) -> tuple[UnidbgApp, RecordedReader]:
        moments = [moment(step, change, network=network, whole=whole) for step in range(steps)]
        names = (*names, *OFFERED) if whole else names
        reader = RecordedReader(moments, names)
        app = UnidbgApp(recorded_model(moments, names), reader, clock=lambda: now, theme=theme, view=view)
        return app, reader

    return make
