"""What the screens look like: pictures at three sizes, and the one of the README.

`pytest tests/tui/test_pictures.py --snapshot-update` takes them anew; look at them before you commit them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
from textual.app import App
from textual.pilot import Pilot

from tests.tui.conftest import NOW, MakeApp
from tests.tui.recorded import NAMES, OFFERED, absent, faulty
from unidbg.views.base import Address, Fault
from unidbg.views.system import AppView, OverviewView

README_PICTURE = Path(__file__).parent.parent.parent / "docs" / "images" / "overview.svg"
SIZES = [(80, 24), (120, 40), (200, 60)]


class Compare(Protocol):
    """`snap_compare` of pytest-textual-snapshot."""

    def __call__(
        self,
        app: App[None],
        press: tuple[str, ...] = ...,
        terminal_size: tuple[int, int] = ...,
        run_before: object = ...,
    ) -> bool: ...


def size_name(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


@pytest.mark.parametrize("size", SIZES, ids=size_name)
@pytest.mark.parametrize("view", ["overview", "net", "rings"])
def test_network(view: str, size: tuple[int, int], make_app: MakeApp, snap_compare: Compare) -> None:
    app, _ = make_app(network=True, view=view)
    assert snap_compare(app, terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids=size_name)
@pytest.mark.parametrize("view", ["overview", *OFFERED, "heap", "boot"])
def test_whole(view: str, size: tuple[int, int], make_app: MakeApp, snap_compare: Compare) -> None:
    app, _ = make_app(whole=True, view=view)
    assert snap_compare(app, terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids=size_name)
@pytest.mark.parametrize("view", [name for name in NAMES if name not in ("net", "rings")])
def test_view(view: str, size: tuple[int, int], make_app: MakeApp, snap_compare: Compare) -> None:
    app, _ = make_app(view=view)
    assert snap_compare(app, terminal_size=size)


def has_faults(view: OverviewView) -> OverviewView:
    wild = Fault("timers[3].callback", "is not in code", Address(0x4141414141414141))
    return faulty(view, wild, Fault("timers", "count 99,999 is beyond the bound of 4,096"))


@pytest.mark.parametrize("view", ["overview", "loop"])
def test_faults(view: str, make_app: MakeApp, snap_compare: Compare) -> None:
    app, _ = make_app(has_faults, view=view)
    assert snap_compare(app, terminal_size=(120, 40))


def no_heap(view: OverviewView) -> OverviewView:
    return absent(view, "heap", "the image has no probe of kind heap", "UNIDBG_PROBE(heap, main, &allocator)")


@pytest.mark.parametrize("view", ["overview", "heap"])
def test_absent(view: str, make_app: MakeApp, snap_compare: Compare) -> None:
    app, _ = make_app(no_heap, view=view)
    assert snap_compare(app, terminal_size=(80, 24))


def test_lost(make_app: MakeApp, snap_compare: Compare) -> None:
    app, reader = make_app(now=NOW + 12)

    async def lose(pilot: Pilot[None]) -> None:
        reader.lose("localhost:1234: connection refused; is the guest still there?", NOW)

    assert snap_compare(app, terminal_size=(80, 24), run_before=lose)


def test_paused_and_looking_back(make_app: MakeApp, snap_compare: Compare) -> None:
    app, _ = make_app(view="loop")
    assert snap_compare(app, terminal_size=(120, 40), press=("p", *["comma"] * 8))


def test_filtered_and_sorted(make_app: MakeApp, snap_compare: Compare) -> None:
    app, _ = make_app(view="devices")
    keys = ("slash", "u", "a", "r", "t", "enter", "I", "I")
    assert snap_compare(app, terminal_size=(80, 24), press=keys)


@pytest.mark.parametrize("key", ["question_mark", "i"])
def test_boxes(key: str, make_app: MakeApp, snap_compare: Compare) -> None:
    app, _ = make_app()
    assert snap_compare(app, terminal_size=(120, 40), press=(key,))


@pytest.mark.parametrize("theme", ["unidbg-light", "unidbg-deutan", "nord"])
def test_themes(theme: str, make_app: MakeApp, snap_compare: Compare) -> None:
    app, _ = make_app(theme=theme)
    assert snap_compare(app, terminal_size=(120, 40))


def test_without_colour(make_app: MakeApp, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _ = make_app()
    assert snap_compare(app, terminal_size=(80, 24))


def test_one_with_nothing_read_yet(make_app: MakeApp, snap_compare: Compare) -> None:
    app, _ = make_app(steps=0)
    assert snap_compare(app, terminal_size=(80, 24))


def serves_http(view: OverviewView) -> OverviewView:
    """The overview of the sample that has a network."""
    assert isinstance(view.app, AppView)
    app = replace(view.app, name="httpd", needs_network=True, ports=(80, 7))
    image = replace(view.provenance.images[0], path="build/httpd.elf")
    return replace(view, app=app, provenance=replace(view.provenance, images=(image,)))


async def test_the_picture_of_the_readme_is_current(
    make_app: MakeApp, request: pytest.FixtureRequest
) -> None:
    app, _ = make_app(serves_http, network=True)
    async with app.run_test(size=(120, 38)) as pilot:
        while not app.query("FooterKey"):
            await pilot.pause()
        await pilot.pause()
        drawn = re.sub(
            r"terminal-\d+", "terminal", app.export_screenshot(title="unidbg attach localhost:1234")
        )
    if request.config.getoption("update_snapshots"):
        README_PICTURE.write_text(drawn, encoding="utf-8")
    assert README_PICTURE.read_text(encoding="utf-8") == drawn, "take it anew: see the head of this file"
