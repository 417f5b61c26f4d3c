"""Views compared field by field."""

from __future__ import annotations

from dataclasses import replace

from tests.golden import sample
from unidbg.checks.differences import differences, group_growth, grown
from unidbg.views.base import Absent, Address, Location, View
from unidbg.views.forensics import BlockGroup
from unidbg.views.system import DevicesView, HeapView

Views = dict[str, View | Absent]


def test_the_same_views_differ_in_nothing() -> None:
    assert differences(sample.VIEWS, sample.VIEWS) == ()


def heap(count: int = 3, peak: int = 100, allocated: int = 50) -> Views:
    view = sample.VIEWS["heap"]
    assert isinstance(view, HeapView)
    return {"heap": replace(view, count=count, peak_bytes=peak, allocated_bytes=allocated)}


def test_a_number_has_a_difference_and_growth_is_sorted() -> None:
    before, after = (
        heap(count=3, peak=100, allocated=50),
        heap(count=5, peak=4000, allocated=10),
    )
    found = differences(before, after)
    assert {(d.path, d.before, d.after, d.delta) for d in found} == {
        ("allocated_bytes", "50", "10", -40),
        ("peak_bytes", "100", "4000", 3900),
        ("count", "3", "5", 2),
    }
    assert [d.path for d in grown(found)] == ["peak_bytes", "count"]


def test_lists_are_compared_by_the_names_of_their_elements() -> None:
    view = sample.VIEWS["devices"]
    assert isinstance(view, DevicesView)
    turned = replace(view, devices=tuple(reversed(view.devices)))
    assert differences({"devices": view}, {"devices": turned}) == ()
    less = replace(view, devices=view.devices[1:])
    (first, *_) = differences({"devices": view}, {"devices": less})
    assert first.path.startswith(f"devices.{view.devices[0].name}.")
    assert first.after == "-"


def test_a_view_that_is_gone_says_why() -> None:
    found = differences(heap(), {"heap": Absent("heap", "no probe", "", sample.PROVENANCE)})
    assert ("absent", "-", "no probe") in [(d.path, d.before, d.after) for d in found]


def test_groups_that_became_more() -> None:
    here, there = (Location(Address(at), "take", at) for at in (1, 2))
    before = [BlockGroup(16, here, 3, 48), BlockGroup(32, here, 9, 288)]
    after = [BlockGroup(16, here, 5, 80), BlockGroup(32, here, 8, 256), BlockGroup(100, there, 1, 100)]
    found = group_growth(before, after)
    assert [(g.size_bytes, g.count, g.bytes) for g in found] == [(100, 1, 100), (16, 2, 32)]
