"""Journeys of a user, by keys and mouse, headless."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher
from unidbg_tui.app import UnidbgApp
from unidbg_tui.cells import plain
from unidbg_tui.source import Broken, Opened, Taken
from unidbg_tui.widgets.bars import Said
from unidbg_tui.widgets.box import Box
from unidbg_tui.widgets.grid import Grid
from unidbg_tui.widgets.loglines import LogLines
from unidbg_tui.widgets.overview import Tile
from unidbg_tui.widgets.pane import Pane
from unidbg_tui.widgets.prompt import Prompt

from tests.tui.conftest import NOW, STEPS, MakeApp
from tests.tui.recorded import RecordedReader, absent, moment

SIZE = (120, 40)


def said(app: UnidbgApp, where: str) -> str:
    return "\n".join(plain(line) for line in app.query_one(f"#{where}", Said).lines)


def grid(app: UnidbgApp) -> Grid:
    assert app.pane is not None
    widget = app.pane.searchable
    assert isinstance(widget, Grid)
    return widget


def names(app: UnidbgApp) -> list[str]:
    return [row.cells[0].text for row in grid(app).rows]


async def typed(pilot: Pilot[None], text: str) -> None:
    keys = {" ": "space", "/": "slash", ":": "colon", "!": "exclamation_mark", "[": "left_square_bracket"}
    await pilot.press(*(keys.get(character, character) for character in text))


async def test_number_keys_open_views_and_the_reader_is_told(make_app: MakeApp) -> None:
    app, reader = make_app(names=("overview", "memory", "heap", "regs"))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        assert app.view_name == "heap"
        assert list(reader.watched) == ["overview", "heap"]
        await pilot.press("2")
        assert list(reader.watched) == ["overview"]
        await pilot.press("4")
        assert app.view_name == "regs"
        assert list(reader.watched) == ["overview", "regs"]
        await pilot.press("9")
        assert app.view_name == "regs"
        await pilot.press("backspace")
        assert app.view_name == "memory"


async def test_every_view_opens_and_shows_what_was_read(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        for number, name in enumerate(app.model.names[:10], 1):
            await pilot.press(str(number % 10))
            assert app.query_one("#views", ContentSwitcher).current in (name, f"pane-{name}")
        await pilot.press("7")
        assert names(app) == ["1"]
        backtrace = list(app.pane.query(Grid))[-1]  # type: ignore[union-attr]
        assert [row.cells[0].text for row in backtrace.rows] == ["#0", "#1", "", "#2", "", "#3"]


async def test_views_open_by_name_and_by_its_beginning(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await typed(pilot, ":dev")
        await pilot.press("enter")
        assert app.view_name == "devices"
        await typed(pilot, ":nonsense")
        await pilot.press("enter")
        assert app.view_name == "devices"
        assert "no such view" in list(app._notifications)[-1].message
        await typed(pilot, ":overview")
        await pilot.press("escape")
        assert app.view_name == "devices"
        assert not app.query_one("#asking").display


async def test_brackets_walk_through_the_views(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("right_square_bracket")
        assert app.view_name == "memory"
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert app.view_name == "app"


async def test_a_filter_acts_while_it_is_typed_and_esc_ends_it(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("8")
        await typed(pilot, "/uart")
        await pilot.pause()
        assert names(app) == ["uart0", "uart1"]
        await pilot.press("enter")
        assert app.focused is grid(app)
        assert names(app) == ["uart0", "uart1"]
        await pilot.press("escape")
        assert len(names(app)) == 4


async def test_an_inverse_filter_and_a_broken_one(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("8")
        await typed(pilot, "/!uart")
        await pilot.press("enter")
        assert names(app) == ["lapic-timer", "ioapic"]
        await pilot.press("escape", "slash", "left_square_bracket", "enter")
        assert "not a regular expression" in list(app._notifications)[-1].message
        assert len(names(app)) == 4
        await pilot.press("escape")
        assert app.focused is grid(app)


async def test_matches_are_walked_through_with_all_rows_in_sight(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("8")
        await typed(pilot, "/uart")
        await pilot.press("enter", "ampersand")
        assert len(names(app)) == 4
        found = []
        for key in ("n", "n", "n", "N"):
            await pilot.press(key)
            assert grid(app).cursor_row is not None
            found.append(grid(app).cursor_key)
        assert found in (["uart0", "uart1", "uart0", "uart1"], ["uart1", "uart0", "uart1", "uart0"])


async def test_tables_are_sorted_by_letter_by_neighbour_and_by_command(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("8")
        own = names(app)
        await pilot.press("D")
        assert names(app) == sorted(own)
        await pilot.press("D")
        assert names(app) == sorted(own, reverse=True)
        await pilot.press("D")
        assert names(app) == own
        await pilot.press("less_than_sign")
        assert grid(app).order.column == len(grid(app).table.columns) - 1
        await typed(pilot, ":sort interr")
        await pilot.press("enter")
        assert names(app) == ["ioapic", "uart0", "uart1", "lapic-timer"]


async def test_the_cursor_stays_on_its_row_through_sorting_and_refreshing(make_app: MakeApp) -> None:
    app, reader = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("8", "j", "j")
        assert grid(app).cursor_key == "uart1"
        await pilot.press("D", "D")
        assert grid(app).cursor_key == "uart1"
        reader.post(Taken(moment(STEPS)))
        await pilot.pause()
        assert grid(app).cursor_key == "uart1"
        assert grid(app).order.column == 0


async def test_vim_keys_move_in_tables(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("2", "G")
        assert grid(app).cursor_key == "fee00000"
        await pilot.press("k")
        assert grid(app).cursor_key == "fec00000"
        await pilot.press("g")
        assert grid(app).cursor_key == "100000"
        await pilot.press("ctrl+d")
        assert grid(app).cursor_key == "fee00000"


async def test_tab_goes_to_the_next_table_and_keys_act_there(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("4")
        assert grid(app).table.title == "timers"
        await pilot.press("tab")
        assert grid(app).table.title == "I/O handlers"


async def test_pause_stops_the_reading_and_goes_on(make_app: MakeApp) -> None:
    app, reader = make_app()
    async with app.run_test(size=SIZE) as pilot:
        assert "live" in said(app, "status")
        await pilot.press("p")
        assert reader.paused
        assert "paused" in said(app, "status")
        await pilot.press("r")
        assert reader.refreshes == 1
        await pilot.press("space")
        assert not reader.paused
        assert "live" in said(app, "status")


async def test_the_rate_is_changed_by_key_and_command(make_app: MakeApp) -> None:
    app, reader = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("plus")
        assert reader.period == 0.25
        await pilot.press("minus", "minus")
        assert reader.period == 1.0
        await typed(pilot, ":rate 5")
        await pilot.press("enter")
        assert reader.period == pytest.approx(0.2)
        await typed(pilot, ":rate often")
        await pilot.press("enter")
        assert reader.period == pytest.approx(0.2)
        assert "give readings per second" in list(app._notifications)[-1].message


async def test_looking_back_holds_the_screen_until_esc(make_app: MakeApp) -> None:
    app, reader = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("comma", "comma")
        assert app.model.looking_back == pytest.approx(1.0)
        assert "-1.0 s" in said(app, "status")
        reader.post(Taken(moment(STEPS)))
        await pilot.pause()
        assert app.model.moment == moment(STEPS - 3)
        await pilot.press("escape")
        assert app.model.moment == moment(STEPS)


async def test_a_lost_guest_is_shown_as_lost_with_its_last_data_and_comes_back(make_app: MakeApp) -> None:
    app, reader = make_app(now=NOW + 7)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("8")
        before = names(app)
        reader.lose("connection refused", NOW)
        await pilot.pause()
        assert "lost 7 s" in said(app, "status")
        assert "connection refused" in said(app, "banner")
        assert app.query_one("#banner").display
        assert names(app) == before
        reader.post(Opened(NOW, app.model.names))
        await pilot.pause()
        assert "live" in said(app, "status")
        assert not app.query_one("#banner").display


async def test_an_absent_view_says_why_and_what_would_provide_it(make_app: MakeApp) -> None:
    app, _ = make_app(lambda view: absent(view, "heap", "no probe of kind heap", "export one"))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("3")
        why = app.query_one("#pane-heap .why")
        shown = str(why.render())
        assert "no probe of kind heap" in shown
        assert "export one" in shown
        await pilot.press("1")
        assert "no probe of kind heap" in str(app.query_one("#tile-heap", Tile).render())


async def test_a_view_that_comes_and_goes_is_drawn_either_way(make_app: MakeApp) -> None:
    app, reader = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("8")
        reader.post(Taken(moment(STEPS, lambda view: absent(view, "devices", "gone", "wait"))))
        await pilot.pause()
        assert app.query_one("#pane-devices").has_class("-absent")
        reader.post(Taken(moment(STEPS + 1)))
        await pilot.pause()
        assert not app.query_one("#pane-devices").has_class("-absent")
        assert len(names(app)) == 4


async def test_the_overview_is_walked_by_keys_and_a_tile_opened(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("l", "l", "j", "h")
        assert isinstance(app.focused, Tile)
        assert app.focused.view_name == "threads"
        await pilot.press("enter")
        assert app.view_name == "threads"


async def test_the_mouse_opens_tiles_and_tabs_sorts_and_moves_the_cursor(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await pilot.click("#tile-loop")
        assert app.view_name == "loop"
        await pilot.click("#tabs", offset=(85, 0))
        assert app.view_name == "devices"
        await pilot.click(grid(app), offset=(4, 3))
        assert grid(app).cursor_key == "uart0"
        await pilot.click(grid(app), offset=(4, 1))
        assert grid(app).order.column == 0


async def test_the_log_follows_until_scrolled_and_follows_again_at_the_end(make_app: MakeApp) -> None:
    app, reader = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("9")
        await pilot.pause()
        log = app.pane.searchable  # type: ignore[union-attr]
        assert isinstance(log, LogLines)
        assert log.scroll_offset.y == log.max_scroll_y > 0
        await pilot.press("k")
        assert not log.following
        here = log.scroll_offset.y
        reader.post(Taken(moment(STEPS + 2)))
        await pilot.pause()
        assert log.scroll_offset.y == here
        await pilot.press("G")
        assert log.following
        await pilot.press("f")
        assert not log.following


async def test_the_log_is_filtered_searched_and_wrapped(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=(50, 24)) as pilot:
        await pilot.press("9")
        await typed(pilot, "/boot|paging")
        await pilot.press("enter")
        log = app.pane.searchable  # type: ignore[union-attr]
        assert isinstance(log, LogLines)
        assert len(log.copy_all().splitlines()) == 2
        await pilot.press("ampersand", "n")
        assert log.copy_text().startswith("boot:")
        await pilot.press("n")
        assert log.copy_text().startswith("paging:")
        await pilot.press("N")
        assert log.copy_text().startswith("boot:")
        narrow = log.virtual_size.height
        await pilot.press("w")
        assert log.virtual_size.height >= narrow


async def test_copying_takes_the_row_or_the_view(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("8", "y")
        assert app.clipboard.startswith("lapic-timer")
        await pilot.press("Y")
        assert len(app.clipboard.splitlines()) == 5


async def test_a_picture_of_the_screen_is_saved(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("s")
        saved = list(tmp_path.glob("unidbg-overview-*.svg"))
        assert len(saved) == 1
        assert "</svg>" in saved[0].read_text(encoding="utf-8")
        await typed(pilot, ":screenshot missing/folder.svg")
        await pilot.press("enter")
        assert "cannot write" in list(app._notifications)[-1].message


async def test_help_and_origin_open_and_close(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("question_mark")
        assert isinstance(app.screen, Box)
        await pilot.press("escape", "i")
        assert isinstance(app.screen, Box)
        await pilot.press("q")
        assert not isinstance(app.screen, Box)
        assert app.is_running


async def test_themes_are_changed_by_key_and_by_name(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("t")
        assert app.theme == "unidbg-light"
        await typed(pilot, ":theme nord")
        await pilot.press("enter")
        assert app.theme == "nord"
        await typed(pilot, ":theme no-such")
        await pilot.press("enter")
        assert app.theme == "nord"


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_leaving(make_app: MakeApp, key: str) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(key)
        assert app._exit
    assert app.return_code == 0


async def test_a_bug_of_the_worker_ends_the_screen_and_is_kept(make_app: MakeApp) -> None:
    app, reader = make_app()
    async with app.run_test(size=SIZE) as pilot:
        reader.post(Broken(ZeroDivisionError("a bug")))
        await pilot.pause()
    assert isinstance(app.broken, ZeroDivisionError)
    assert app.return_code == 70


async def test_nothing_read_yet_is_said_in_every_view(make_app: MakeApp) -> None:
    app, _ = make_app(steps=0)
    async with app.run_test(size=SIZE) as pilot:
        for number in range(1, 10):
            await pilot.press(str(number))
        await pilot.press("i")
        await pilot.press("escape", "y", "n", "comma")
        assert app.is_running


@pytest.mark.parametrize("size", [(10, 3), (20, 6), (40, 12), (300, 90)])
async def test_any_size_of_terminal_is_drawn(make_app: MakeApp, size: tuple[int, int]) -> None:
    app, _ = make_app()
    async with app.run_test(size=size) as pilot:
        for number in range(1, 10):
            await pilot.press(str(number))
        await pilot.press("colon", "escape", "question_mark", "escape")
        assert app.is_running


async def test_the_prompt_takes_every_printable_key(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("2")
        await typed(pilot, "/1q/p")
        assert app.query_one(Prompt).value == "1q/p"
        assert app.view_name == "memory"
        assert isinstance(app.pane, Pane)


async def test_what_is_typed_ahead_acts_in_its_order(make_app: MakeApp) -> None:
    app, _ = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        for key in ("colon", *"memory", "enter"):
            app.post_message(events.Key(key, ":" if key == "colon" else key if len(key) == 1 else None))
        await pilot.pause()
        assert app.view_name == "memory"


async def test_snapshots_that_wait_are_replaced_by_newer_ones(make_app: MakeApp) -> None:
    app, reader = make_app()
    async with app.run_test(size=SIZE) as pilot:
        for step in range(STEPS, STEPS + 5):
            reader.post(Taken(moment(step)))
        await pilot.pause()
        assert app.model.moment == moment(STEPS + 4)
        taken = [at.taken_at for at in app.model._moments if at.taken_at >= moment(STEPS).taken_at]
        assert len(taken) < 5


def test_a_reader_is_what_the_recording_is() -> None:
    from unidbg_tui.source import Reader

    reader: Reader = RecordedReader([])
    reader.refresh()
