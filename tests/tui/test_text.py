"""Pure parts: filter, order, changes, charts, widths, commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from unidbg_tui import commands, fit
from unidbg_tui.cells import (
    ABSENT,
    Cell,
    Column,
    Fact,
    Row,
    Span,
    Table,
    distinct,
    guest,
    number_cell,
    text_cell,
)
from unidbg_tui.changes import RowChange, changed_facts, changed_rows
from unidbg_tui.columns import place_columns
from unidbg_tui.order import Order, letters
from unidbg_tui.pattern import PatternError, compile_pattern
from unidbg_tui.spark import chart, meter, span_bar
from unidbg_tui.widgets.bars import tab_spans
from unidbg_tui.widgets.pane import new_lines

COLUMNS = (Column("name"), Column("count", right=True))


def row(name: str, count: int | None) -> Row:
    return Row(name, (text_cell(name), number_cell(count)))


def test_a_pattern_admits_what_it_matches_and_inverted_what_it_does_not() -> None:
    assert compile_pattern("ua.t").admits("uart0")
    assert not compile_pattern("ua.t").admits("timer")
    assert compile_pattern("!uart").admits("timer")
    assert not compile_pattern("!uart").admits("uart0")
    assert compile_pattern("").admits("anything")
    assert compile_pattern("!").admits("anything")


def test_a_capital_makes_a_pattern_mind_the_case() -> None:
    assert compile_pattern("error").admits("ERROR")
    assert not compile_pattern("Error").admits("ERROR")


def test_a_broken_pattern_says_where() -> None:
    with pytest.raises(PatternError, match="unterminated"):
        compile_pattern("a(b")


def test_matches_are_places_and_never_empty() -> None:
    assert compile_pattern("a*").matches("baab") == [(1, 3)]
    assert compile_pattern("!a").matches("baab") == []


def test_order_goes_up_down_and_back_to_the_guests_own() -> None:
    rows = [row("b", 2), row("c", None), row("a", 10)]
    order = Order().by(1)
    assert [r.key for r in order.arrange(rows)] == ["b", "a", "c"]
    order = order.by(1)
    assert [r.key for r in order.arrange(rows)] == ["a", "b", "c"]
    order = order.by(1)
    assert [r.key for r in order.arrange(rows)] == ["b", "c", "a"]


def test_order_moves_to_the_column_beside() -> None:
    assert Order().beside(1, 3) == Order(0)
    assert Order().beside(-1, 3) == Order(2)
    assert Order(2, True).beside(1, 3) == Order(0, True)
    assert Order().beside(1, 0) == Order()


def test_each_column_gets_a_letter_that_nothing_else_uses() -> None:
    found = letters([Column("name"), Column("address"), Column("age"), Column("N"), Column("")])
    assert found == ["A", "D", "E", None, None]


def test_changed_rows_are_told_by_key() -> None:
    before = Table("t", COLUMNS, (row("a", 1), row("b", 5), row("c", 7)))
    after = Table("t", COLUMNS, (row("b", 4), row("a", 2), row("d", 1), row("c", 7)))
    assert changed_rows(before, after) == {
        "a": RowChange("▲", frozenset({1})),
        "b": RowChange("▼", frozenset({1})),
        "d": RowChange("+"),
    }
    assert changed_rows(None, after) == {}


def test_other_columns_are_not_compared() -> None:
    before = Table("t", COLUMNS[:1], (Row("a", (text_cell("a"),)),))
    assert changed_rows(before, Table("t", COLUMNS, (row("a", 1),))) == {}


def test_changed_facts_have_a_trend() -> None:
    before = [Fact("x", (), (0, 1)), Fact("y", (), (1, "a")), Fact("z", (), ABSENT)]
    after = [Fact("x", (), (0, 2)), Fact("y", (), (1, "b")), Fact("z", (), ABSENT), Fact("new", (), (0, 1))]
    assert changed_facts(before, after) == {"x": "▲", "y": "•"}


def test_rows_of_one_key_are_told_apart() -> None:
    assert [r.key for r in distinct([row("a", 1), row("a", 2), row("b", 3)])] == ["a", "a#2", "b"]


def test_a_chart_grows_with_its_values() -> None:
    assert chart([0, 4, 8], 3, 1) == ["▁▄█"]
    assert chart([8], 3, 1) == ["  █"]
    assert chart([0, 8, 16], 3, 2) == ["  █", "▁██"]
    assert chart([None, 1.0], 2, 1) == ["·█"]
    assert chart([0, 0], 2, 1) == ["▁▁"]
    assert chart([1], 0, 1) == []


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e18)), max_size=30), st.integers(0, 20), st.integers(0, 6))
def test_a_chart_has_its_size_whatever_the_values(
    values: list[float | None], width: int, height: int
) -> None:
    rows = chart(values, width, height)
    assert len(rows) == (height if width else 0)
    assert all(len(text) == width for text in rows)


@given(st.floats(-1, 2), st.integers(1, 50), st.one_of(st.none(), st.floats(-1, 2)))
def test_a_meter_has_its_width(share: float, width: int, mark: float | None) -> None:
    full, rest = meter(share, width, mark)
    assert len(full) + len(rest) == width


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 80))
def test_a_bar_is_seen_and_stays_in_its_column(one: float, other: float, width: int) -> None:
    first, last = span_bar(min(one, other), max(one, other), width)
    assert 0 <= first < last <= width


@given(st.lists(st.text(max_size=12), max_size=4), st.integers(0, 20))
def test_a_cut_line_fits_whatever_the_text(texts: list[str], width: int) -> None:
    spans = tuple(guest(text) for text in texts)
    assert fit.width_of(fit.cut(spans, width)) <= width
    assert fit.width_of(fit.padded(spans, width)) == width


@given(st.text(max_size=20), st.text(max_size=20), st.integers(0, 30))
def test_two_sides_fill_the_width(left: str, right: str, width: int) -> None:
    assert fit.width_of(fit.sides((guest(left),), (guest(right),), width)) == width


@given(st.integers(-5, 60), st.lists(st.integers(0, 40), max_size=5), st.integers(1, 4))
def test_heights_are_shared_out(available: int, wanted: list[int], least: int) -> None:
    given_rows = fit.share_out(available, wanted, least)
    floor = sum(min(least, rows) for rows in wanted)
    assert sum(given_rows) <= max(floor, available)
    assert all(rows <= asked for rows, asked in zip(given_rows, wanted, strict=True))


def test_a_column_that_grows_takes_the_rest() -> None:
    table = Table("t", (Column("a"), Column("b", grow=True)), ())
    rows = [Row("x", (Cell((Span("wide text"),), ABSENT), Cell((Span("b"),), ABSENT)))]
    first, second = place_columns(table, rows, 40)
    assert (first.x, first.width) == (2, 9)
    assert second.x + second.width == 40


def test_changed_words_are_marked_and_bars_are_not() -> None:
    before = [(Span("12"), Span(" kept")), (Span("▁▂", "high"),)]
    after = [(Span("13"), Span(" kept")), (Span("▂▃", "high"),), (Span("new"),)]
    marked = fit.mark_changes(before, after)
    assert [[span.changed for span in spans] for spans in marked] == [[True, False], [False], [False]]


@pytest.mark.parametrize(
    ("typed", "verb", "argument"),
    [
        ("heap", "view", "heap"),
        (" He ", "view", "heap"),
        ("bt", "view", "threads"),
        ("q", "quit", ""),
        ("theme nord", "theme", "nord"),
        ("filter a  b", "filter", "a  b"),
    ],
)
def test_commands_are_parsed(typed: str, verb: str, argument: str) -> None:
    assert commands.parse(typed, ("heap", "threads", "log")) == commands.Command(verb, argument)


def test_what_is_no_command_says_what_is_near() -> None:
    with pytest.raises(commands.CommandError, match="which one, resume, refresh"):
        commands.parse("re", ("heap",))
    with pytest.raises(commands.CommandError, match="no such view"):
        commands.parse("nonsense", ("heap",))
    with pytest.raises(commands.CommandError, match="type"):
        commands.parse("  ", ("heap",))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_tabs_fit_and_the_open_one_is_named_in_full(width: int) -> None:
    names = ("overview", "memory", "devices", "boot", "app", "heap", "loop", "threads", "log", "net", "rings")
    places, spans = tab_spans(names, "threads", width)
    assert sum(cell_len(span.text) for span in spans) <= width
    if width >= 60:
        first, last, name = places[7]
        assert (last - first, name) == (len("8 threads"), "threads")


def test_new_lines_are_those_that_the_log_before_did_not_end_with() -> None:
    assert new_lines(("a", "b"), ("a", "b", "c")) == 1
    assert new_lines(("a", "b"), ("b", "c", "d")) == 2
    assert new_lines(("a", "b"), ("a", "b")) == 0
    assert new_lines((), ("a",)) == 0
    assert new_lines(("a",), ("x", "y")) == 2


def test_tabs_without_a_number_keep_their_names_longest() -> None:
    numbered = tuple(f"long name {n}" for n in range(10))
    _, spans = tab_spans((*numbered, "security", "cloud"), numbered[0], 60)
    text = "".join(span.text for span in spans)
    assert text.strip() == "unidbg 1 long name 0 2 3 4 5 6 7 8 9 0 security cloud"
