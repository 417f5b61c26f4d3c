"""A guest that means ill: markup, escape sequences, bidi controls, absurd numbers, in every text it has."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from textual.pilot import Pilot
from unidbg_tui.app import UnidbgApp
from unidbg_tui.model import Model
from unidbg_tui.source import Lost, Taken

from tests.support.absurd import ABSURD, absurd
from tests.tui.conftest import MakeApp
from tests.tui.recorded import OFFERED, faulty, moment, overview
from unidbg.views.base import Absent, Address, Fault, Location
from unidbg.views.system import HeapView, MemoryView, OverviewView, Region

HOSTILE = [
    "[/oops]",
    "[@click=app.quit]quit me[/]",
    "[@click=app.leave()]x[/]",
    "[red]red[/red]",
    "$primary [b",
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31mC1",
    "\u202eevil\u202c",
    "line\nbreak\ttab\rreturn",
    "\udc9b not utf-8",
    "\x00",
    "宽字符" * 30,
    "e\u0301" * 40,
    "A" * 3000,
    "",
]
FORBIDDEN = [chr(code) for code in (*range(0x20), 0x7F, *range(0x80, 0xA0), 0x202A, 0x202E, 0x2066)]


def poisoned(value: Any, texts: Iterator[str]) -> Any:
    """`value` with the next of `texts` in place of each text that a guest, an image or a peer set."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return dataclasses.replace(value, **{f.name: poisoned(getattr(value, f.name), texts) for f in fields})
    if isinstance(value, tuple):
        return tuple(poisoned(item, texts) for item in value)
    return next(texts) if isinstance(value, str) else value


def rotated(first: int) -> Iterator[str]:
    """The hostile texts round and round, from number `first` on."""
    return itertools.cycle(HOSTILE[first:] + HOSTILE[:first])


def poisoned_overview(view: OverviewView, texts: Iterator[str]) -> OverviewView:
    faults = tuple(Fault(text, text) for text in itertools.islice(texts, len(HOSTILE)))
    bad: OverviewView = poisoned(faulty(view, *faults), texts)
    return bad


async def walk(app: UnidbgApp, pilot: Pilot[None]) -> list[str]:
    """All that is on the screen, in every view."""
    seen: list[str] = []
    for number in "12345678900":
        await pilot.press(number if number != "0" or app.view_name != "boot" else "right_square_bracket")
        await pilot.pause()
        seen += drawn(app)
    for _ in range(len(app.model.names) - 11):
        await pilot.press("right_square_bracket")
        await pilot.pause()
        seen += drawn(app)
    return seen


def drawn(app: UnidbgApp) -> list[str]:
    """The lines of the screen."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


@pytest.mark.parametrize("first", [0, 5, 10])
async def test_no_text_of_a_guest_is_more_than_text(make_app: MakeApp, first: int) -> None:
    texts = rotated(first)
    app, reader = make_app(lambda view: poisoned_overview(view, texts), steps=2, whole=True)
    async with app.run_test(size=(120, 40)) as pilot:
        seen = await walk(app, pilot)
        for text in HOSTILE:
            reader.post(Lost(101.0, text))
        await pilot.press("1", "i", "escape", "9", "w", "3", "y", "Y")
        assert app.is_running
        assert not app._exit
    assert not [bad for bad in FORBIDDEN if any(bad in line for line in seen)]


async def test_markup_is_shown_as_it_is_and_a_click_on_it_does_nothing(make_app: MakeApp) -> None:
    text = "[@click=app.leave()]leave[/]"
    app, _ = make_app(lambda view: poisoned(view, itertools.repeat(text)), steps=2, whole=True)
    async with app.run_test(size=(120, 40)) as pilot:
        seen = "\n".join(await walk(app, pilot))
        assert text in seen
        for number in "8479":
            await pilot.press(number)
            for row in (2, 4, 14):
                await pilot.click(offset=(8, row))
        assert app.is_running
        assert not app._exit


async def test_why_a_view_is_absent_is_text_as_well(make_app: MakeApp) -> None:
    def change(view: OverviewView) -> OverviewView:
        bad = Absent("[/heap]", "[/why] \x1b[2J", "[@click=app.quit]do[/]", view.provenance)
        return dataclasses.replace(view, heap=bad, log=bad, threads=bad)

    app, _ = make_app(change, steps=2)
    async with app.run_test(size=(80, 24)) as pilot:
        seen = "\n".join(await walk(app, pilot))
    assert "[/why]" in seen
    assert "\x1b" not in seen


async def test_numbers_that_make_no_sense_are_drawn(make_app: MakeApp) -> None:
    huge = (1 << 64) - 1

    def change(view: OverviewView) -> OverviewView:
        assert isinstance(view.heap, HeapView)
        assert isinstance(view.memory, MemoryView)
        region = Region(Address(huge), Address(0), Address(huge), False, False, False, "")
        heap = dataclasses.replace(
            view.heap,
            start=Address(huge),
            current=Address(0),
            end=Address(0),
            allocated_bytes=huge,
            peak_bytes=-1,
            count=-huge,
        )
        memory = dataclasses.replace(view.memory, regions=(region,) * 3, heap=None)
        return dataclasses.replace(view, heap=heap, memory=memory, pc=Location(Address(huge)))

    app, _ = make_app(change, steps=3)
    async with app.run_test(size=(80, 24)) as pilot:
        assert await walk(app, pilot)


@pytest.mark.parametrize("first", range(len(ABSURD)))
async def test_absurd_numbers_of_all_that_is_offered_are_drawn(make_app: MakeApp, first: int) -> None:
    numbers = itertools.cycle(ABSURD[first:] + ABSURD[:first])

    def change(view: OverviewView) -> OverviewView:
        parts = {name: absurd(getattr(view, name), numbers) for name in (*OFFERED, "boot")}
        return dataclasses.replace(view, **parts)

    app, _ = make_app(change, steps=3, whole=True)
    async with app.run_test(size=(120, 40)) as pilot:
        assert await walk(app, pilot)


async def test_thousands_of_rows_are_drawn_and_sorted(make_app: MakeApp) -> None:
    def change(view: OverviewView) -> OverviewView:
        assert isinstance(view.memory, MemoryView)
        region = view.memory.regions[0]
        many = tuple(dataclasses.replace(region, start=Address(n << 12)) for n in range(5000))
        return dataclasses.replace(view, memory=dataclasses.replace(view.memory, regions=many))

    app, _ = make_app(change, steps=2)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("2", "S", "S", "G", "k", "g")
        assert app.pane is not None
        assert app.pane.searchable is not None


def test_a_hostile_name_of_a_view_is_no_command(make_app: MakeApp) -> None:
    model = Model("[/url]", ("overview", "[/x]"), 2.0)
    model.apply(Taken(moment(0)))
    assert model.part("[/x]") is None
    assert model.overview == overview(0)
