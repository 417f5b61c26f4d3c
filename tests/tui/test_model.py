"""The model: link, past, looking back, what is wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unidbg_tui.history import Series, measure, parts
from unidbg_tui.link import Link, Phase
from unidbg_tui.model import KEPT_MOMENTS, Model
from unidbg_tui.source import Lost, Opened, Taken

from tests.tui.recorded import NAMES, absent, faulty, moment, overview, recorded_model
from unidbg.views.base import Fault


def test_a_line_goes_from_opening_to_live_to_lost_and_back() -> None:
    link = Link()
    assert link.word == "opening"
    link = link.after(Opened(1.0, NAMES))
    assert link.word == "live"
    link = link.after(Lost(5.0, "gone"))
    assert (link.word, link.since, link.reason, link.losses) == ("lost", 5.0, "gone", 1)
    link = link.after(Lost(6.0, "refused"))
    assert (link.since, link.reason, link.losses) == (5.0, "refused", 1)
    link = link.after(Opened(9.0, NAMES))
    assert (link.word, link.reason) == ("live", "")


def test_a_snapshot_revives_a_lost_line() -> None:
    link = Link(phase=Phase.LOST, reason="gone").after(Taken(moment(3)))
    assert link.word == "live"


def test_a_dump_is_called_a_dump() -> None:
    link = Link().after(Opened(1.0, NAMES, alive=False))
    assert link.word == "dump"
    assert link.toggled().word == "dump"


def test_a_lost_line_is_lost_paused_or_not() -> None:
    link = Link(phase=Phase.UP).toggled()
    assert link.word == "paused"
    assert link.after(Lost(1.0, "gone")).word == "lost"
    assert link.after(Lost(1.0, "gone")).after(Opened(2.0, NAMES)).word == "paused"


def test_series_tell_levels_and_rates_with_gaps() -> None:
    series = Series()
    for at, value in ((0.0, 10.0), (0.5, 20.0), (1.0, None), (1.5, 30.0), (2.0, 25.0), (2.5, 35.0)):
        series.add(at, value)
    assert series.levels() == [10.0, 20.0, None, 30.0, 25.0, 35.0]
    assert series.rates() == [20.0, None, None, None, 20.0]
    assert series.levels(until=1.0) == [10.0, 20.0, None]


def test_two_points_of_one_instant_have_no_rate() -> None:
    series = Series()
    series.add(1.0, 1.0)
    series.add(1.0, 2.0)
    assert series.rates() == [None]


def test_a_series_forgets_what_is_older_than_its_capacity() -> None:
    series = Series(capacity=3)
    for value in range(5):
        series.add(float(value), float(value))
    assert series.levels() == [2.0, 3.0, 4.0]


def test_numbers_of_a_snapshot_are_measured_through_its_overview() -> None:
    numbers = dict(measure(moment(4)))
    view = overview(4)
    assert numbers["heap.allocated_bytes"] == view.heap.allocated_bytes  # type: ignore[union-attr]
    assert numbers["stopped_ns"] == view.provenance.stopped_ns
    assert numbers["loop.overdue_ns"] == 2_000_000


def test_an_absent_view_leaves_a_gap() -> None:
    model = recorded_model([])
    model.apply(Taken(moment(0)))
    model.apply(Taken(moment(1, lambda view: absent(view, "heap", "no probe", "add one"))))
    model.apply(Taken(moment(2)))
    levels = model.history.series("heap.allocated_bytes").levels()
    assert levels[1] is None
    assert levels[0] is not None
    assert levels[2] is not None


def test_a_loss_leaves_a_gap_and_keeps_the_last_snapshot() -> None:
    model = recorded_model([moment(0), moment(1), moment(2)])
    model.apply(Lost(102.0, "gone"))
    assert model.history.series("heap.count").levels()[-1] is None
    assert model.moment == moment(1)
    assert model.link.word == "lost"


def test_looking_back_steps_through_snapshots_and_ends_at_the_last() -> None:
    model = recorded_model([moment(step) for step in range(6)])
    assert model.looking_back is None
    model.step(-2)
    assert model.moment == moment(2)
    assert model.before == moment(1)
    assert model.looking_back == pytest.approx(1.0)
    model.apply(Taken(moment(5)))
    assert model.moment == moment(2)
    model.step(99)
    assert model.looking_back is None
    assert model.moment == moment(5)
    model.step(-99)
    assert model.moment == moment(0)
    assert model.before is None


def test_looking_back_stays_at_its_snapshot_while_old_ones_are_forgotten() -> None:
    model = Model("x", NAMES, 2.0)
    for step in range(KEPT_MOMENTS):
        model.apply(Taken(replace(moment(0), taken_at=float(step))))
    model.step(-10)
    shown = model.moment
    model.apply(Taken(replace(moment(0), taken_at=float(KEPT_MOMENTS))))
    assert model.moment is shown


def test_stepping_with_nothing_read_does_nothing() -> None:
    model = Model("x", NAMES, 2.0)
    model.step(-1)
    assert model.moment is None
    assert model.faults == ()
    assert model.provenance is None


def test_views_of_the_overview_are_read_with_it_and_others_beside_it() -> None:
    model = Model("x", (*NAMES, "rings", "regs"), 2.0)
    assert model.wanted("overview") == model.wanted("loop") == ("overview",)
    assert model.wanted("heap") == ("overview", "heap")
    assert model.wanted("rings") == ("overview", "rings")
    assert model.wanted("regs") == ("overview", "regs")


def test_the_reached_rate_is_told_from_the_last_snapshots() -> None:
    assert recorded_model([moment(0), moment(1)]).reached_hz is None
    assert recorded_model([moment(step) for step in range(9)]).reached_hz == pytest.approx(2.0)


def test_rates_step_through_the_list_and_stop_at_its_ends() -> None:
    model = Model("x", NAMES, 2.0)
    assert [model.faster(1), model.faster(1), model.faster(1)] == [4.0, 8.0, 8.0]
    assert model.faster(-99) == 0.2


def test_faults_are_gathered_once_with_the_name_of_their_view() -> None:
    fault = Fault("timers[0].callback", "is not code")
    model = recorded_model([])
    model.apply(Taken(moment(0, lambda view: faulty(view, fault))))
    assert model.faults == (("loop", fault),)


def test_a_view_read_by_itself_goes_before_the_one_in_the_overview() -> None:
    own = overview(7).heap
    found = parts({"overview": overview(3), "heap": own})
    assert found["heap"] is own
    assert found["loop"] == overview(3).loop
