"""Views as pages and tiles: what they say, in as much room as there is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unidbg_tui import words
from unidbg_tui.cells import Page, plain
from unidbg_tui.fit import width_of
from unidbg_tui.history import History
from unidbg_tui.pages import Past, page_of
from unidbg_tui.tiles import Room, tile_of

from tests.tui.recorded import (
    HALT,
    NAMES,
    app,
    boot,
    devices,
    heap,
    log,
    loop,
    memory,
    net,
    provenance,
    recorded_model,
    rings,
    threads,
)
from unidbg.views.base import Address, Location, View
from unidbg.views.inspect import Register, RegistersView, ValueNode, ValueView
from unidbg.views.network import RingsView
from unidbg.views.system import DevicesView, HeapView, ThreadsView

PAST = Past(History())
VIEWS: tuple[View, ...] = (
    memory(9), heap(9), devices(9), boot(9), app(9), loop(9), threads(9), log(9), net(9), rings(9),
)  # fmt: skip


def said(page: Page) -> str:
    facts = [f"{fact.label}: {plain(fact.line)}" for fact in page.facts]
    rows = [row.text for table in page.tables for row in table.rows]
    return "\n".join(facts + rows)


def name(view: View) -> str:
    return type(view).__name__


@pytest.mark.parametrize("view", VIEWS, ids=name)
@pytest.mark.parametrize(
    "room", [Room(22, 3), Room(22, 5), Room(36, 10), Room(64, 16), Room(1, 1), Room(0, 0)]
)
def test_a_tile_stays_in_its_room(view: View, room: Room) -> None:
    lines = tile_of(view, PAST, room)
    assert len(lines) <= room.height
    assert all(width_of(spans) <= room.width for spans in lines)


@pytest.mark.parametrize("view", VIEWS, ids=name)
def test_rows_have_a_cell_for_each_column_and_keys_of_their_own(view: View) -> None:
    for table in page_of(view, PAST).tables:
        assert all(len(row.cells) == len(table.columns) for row in table.rows)
        assert len({row.key for row in table.rows}) == len(table.rows)


def test_functions_are_named_with_their_source() -> None:
    shown = said(page_of(loop(3), PAST))
    assert "tick main.c:41" in shown
    assert "2 ms overdue" in shown


def test_a_place_without_a_symbol_is_its_address() -> None:
    assert plain(words.place(Location(Address(0x1234)))) == "0x1234"
    assert plain(words.place(HALT)) == "cpu_wait_for_interrupt+0x1 cpu.c:19"
    assert plain(words.place(replace(HALT, line=None))) == "cpu_wait_for_interrupt+0x1 cpu.c"
    assert plain(words.place(None)) == "-"


def test_a_bitmap_that_disagrees_is_told() -> None:
    view = heap(3)
    assert isinstance(view, HeapView)
    assert view.pages is not None
    wrong = replace(view, pages=replace(view.pages, free_counted=view.pages.free - 1))
    assert "bitmap has" in said(page_of(wrong, PAST))
    assert "not counted" in said(page_of(replace(view, pages=replace(view.pages, free_counted=None)), PAST))


def test_writable_and_executable_pages_are_told() -> None:
    view = memory(3)
    assert view.pages is not None
    bad = replace(view, pages=replace(view.pages, writable_executable=2))
    assert "W+X: 2 pages" in said(page_of(bad, PAST))
    assert "W+X" in "\n".join(map(plain, tile_of(bad, PAST, Room(40, 8))))


def test_a_stuck_ring_says_why() -> None:
    view = rings(3)
    stuck = RingsView(
        view.provenance, (), view.now_ns, (replace(view.rings[0], stuck="the device is silent"),)
    )
    assert "the device is silent" in said(page_of(stuck, PAST))
    assert "stuck: the device is silent" in "\n".join(map(plain, tile_of(stuck, PAST, Room(40, 6))))


def test_a_thread_that_cannot_be_unwound_says_why() -> None:
    view = threads(1)
    broken = ThreadsView(view.provenance, (), (replace(view.threads[0], frames=(), faults=("sp is wild",)),))
    row = page_of(broken, PAST).tables[0].rows[0]
    assert row.detail is not None
    assert "sp is wild" in row.detail.rows[0].text


def test_two_devices_of_one_name_are_two_rows() -> None:
    view = devices(1)
    twins = DevicesView(view.provenance, (), (view.devices[0], view.devices[0]))
    assert [row.key for row in page_of(twins, PAST).tables[0].rows] == ["lapic-timer", "lapic-timer#2"]


def test_a_view_without_a_page_of_its_own_is_shown_all_the_same() -> None:
    registers = tuple(Register(f"r{n}[/b]", n * 1000, 8, "general") for n in range(3))
    page = page_of(RegistersView(provenance(0), (), "1", (*registers, registers[0])), PAST)
    assert "thread: 1" in said(page)
    assert page.tables[0].title == "registers"
    assert [row.key for row in page.tables[0].rows] == ["r0[/b]", "r1[/b]", "r2[/b]", "r0[/b]#2"]
    assert "2,000  8 B  general" in said(page)


def test_records_inside_a_view_become_facts_and_tables() -> None:
    leaf = ValueNode("count", "int", Address(0x1000), "7")
    node = ValueNode("heap", "struct heap", Address(0x2000), "", (leaf, leaf))
    page = page_of(ValueView(provenance(0), (), "heap", node), PAST)
    shown = said(page)
    assert "expression: heap" in shown
    assert "value type: struct heap" in shown
    assert "value address: 0x2000" in shown
    assert page.tables[0].title == "value children"
    assert len(page.tables[0].rows) == 2


def test_rates_in_words() -> None:
    said = [words.rate(value) for value in (None, 0.0, 2.5, 999.0, 1200.0, 3.4e6, 5e9)]
    assert said == ["-/s", "0/s", "2.5/s", "999/s", "1.2 k/s", "3.4 M/s", "5 G/s"]


def test_history_is_seen_up_to_the_snapshot_in_view() -> None:
    model = recorded_model([], NAMES)
    past = Past(model.history, until=1.0)
    assert past.levels("heap.count") == ()
    assert past.rate("heap.count") is None
