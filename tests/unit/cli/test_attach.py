"""`attach` is the interface on a terminal, else the overview."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.golden.conftest import Runner
from tests.golden.sample import FakeSession
from unidbg.cli import attaching


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the interface was opened with; nothing is drawn."""
    calls: list[dict[str, Any]] = []

    def run(factory: Any, **options: Any) -> int:
        calls.append({"session": factory(), **options})
        return 0

    monkeypatch.setattr(attaching, "interactive", lambda: True)
    monkeypatch.setattr(attaching, "import_module", lambda name: SimpleNamespace(run=run))
    return calls


def test_a_terminal_gets_the_interface(
    unidbg: Runner, shown: list[dict[str, Any]], session: FakeSession
) -> None:
    ran = unidbg("attach", ":1234")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert shown == [{"session": session, "url": ":1234", "refresh_hz": 2.0, "theme": None}]


def test_refresh_and_theme(unidbg: Runner, shown: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "unidbg.toml").write_text('[ui]\ntheme = "dark"\nrefresh = 5\n')
    unidbg("attach", ":1234")
    unidbg("attach", ":1234", "--watch=0.5")
    assert [(one["refresh_hz"], one["theme"]) for one in shown] == [(5.0, "dark"), (2.0, "dark")]


def test_json_is_never_drawn(unidbg: Runner, shown: list[dict[str, Any]]) -> None:
    assert '"view": "overview"' in unidbg("attach", ":1234", "--json").out
    assert shown == []


def test_without_a_terminal_it_is_the_overview(unidbg: Runner) -> None:
    assert unidbg("attach", ":1234").out == unidbg("overview", ":1234").out


def test_the_interface_is_there() -> None:
    """It is found by name, so nothing else would notice that it moved."""
    import inspect
    from importlib import import_module

    interface = import_module(attaching.INTERFACE)
    assert {"url", "refresh_hz", "theme"} <= set(inspect.signature(interface.run).parameters)
