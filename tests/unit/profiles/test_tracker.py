"""Call sites out of a tracker's tables: in the heap, its blocks and leaks; and tables that are damaged."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.heaps import HEADER, HeapBuilder
from tests.support.kernel import SOURCE, Guest, kernel
from unidbg.render.table import render
from unidbg.session import ImageSpec, Session
from unidbg.structures.tracker import decode, sites_of
from unidbg.views.forensics import BlocksView, LeaksView
from unidbg.views.system import HeapView

TRACKED = "#include <unidbg/track.h>\n" + SOURCE.replace(
    "void _start(void)",
    """
static struct unidbg_tracked tracked[16];
static struct unidbg_site sites[4];
static struct unidbg_tracker tracker = {
    .blocks = tracked, .sites = sites, .block_slots = 16, .site_slots = 4};
UNIDBG_PROBE(tracker, heap, &tracker);
void _start(void)""",
)
SLOT, SITE = struct.Struct("<QIHH"), struct.Struct("<QQQQ")
MASK = (1 << 64) - 1


class Planted:
    """A guest with three blocks without call sites in their headers, two of which the tracker has."""

    def __init__(self) -> None:
        self.guest: Guest = kernel(TRACKED)
        self.heap = HeapBuilder()
        self.blocks = [self.heap.block(size) for size in (40, 24, 24)]
        self.sites = [self.guest.at(name) + 1 for name in ("app_main", "tick")]
        plant = self.guest.memory.plant
        end = self.heap.start + len(self.heap.data)
        for member, value in (("current", end), ("blocks", self.heap.start), ("block_check", self.heap.key)):
            plant(self.guest.member("heap", member), value.to_bytes(8, "little"))
        rows = (self.blocks[1], 24, 3), (self.blocks[0], 40, 1)
        table = b"".join(SLOT.pack(at ^ MASK, size, site, 0) for at, size, site in rows)
        plant(self.guest.at("tracked") + 5 * SLOT.size, table)
        plant(self.guest.at("sites"), SITE.pack(self.sites[0], 1, 40, 7) + bytes(32))
        plant(self.guest.at("sites") + 64, SITE.pack(self.sites[1], 1, 24, 1))
        self.set("block_count", 2, 4)
        self.set("site_count", 2, 4)
        self.set("left_out", 1)

    def set(self, member: str, value: int, size: int = 8) -> None:
        self.guest.memory.plant(self.guest.member("tracker", member), value.to_bytes(size, "little"))

    def session(self) -> Session:
        self.guest.memory.plant(self.heap.start, bytes(self.heap.data))
        return Session.over(self.guest.target, images=[ImageSpec(self.guest.path)])

    def view(self) -> HeapView:
        found = self.session().view("heap")
        assert isinstance(found, HeapView), found
        return found


@pytest.fixture
def planted() -> Planted:
    return Planted()


def test_blocks_and_leaks_have_their_call_sites(planted: Planted) -> None:
    session = planted.session()
    view, leaks = session.blocks(10), session.leaks()
    assert isinstance(view, BlocksView)
    assert isinstance(leaks, LeaksView)
    found = [block.call_site and block.call_site.symbol for block in view.blocks]
    assert found == ["app_main", "tick", None]
    told = {(group.size_bytes, group.call_site and group.call_site.symbol) for group in leaks.groups}
    assert told == {(40, "app_main"), (24, "tick"), (24, None)}
    for one in (view, leaks):
        assert one.tracker is not None
        assert (one.tracker.block_count, one.tracker.block_slots, one.tracker.left_out) == (2, 16, 1)
    assert view.faults == ()


def test_the_heap_has_who_holds_it(planted: Planted) -> None:
    view = planted.view()
    assert [(one.location.symbol, one.count, one.bytes) for one in view.call_sites] == [
        ("app_main", 1, 40), ("tick", 1, 24),
    ]  # fmt: skip
    assert view.tracker is not None
    assert view.tracker.left_out == 1


def test_what_found_no_room_is_said(planted: Planted) -> None:
    planted.set("left_out_sites", 5)
    session = planted.session()
    for view in (planted.view(), session.blocks(10), session.leaks()):
        shown = " ".join(render(view, 120).split())
        assert "recorded of 2 blocks (16 slots), from 2 places; 1 allocation found no room" in shown
        assert "5 of further places not told apart" in shown


def test_a_broken_header_names_who_allocated_before_it(planted: Planted) -> None:
    planted.heap.poke(planted.blocks[1] - HEADER.size, b"overrun!")
    [fault] = planted.view().faults
    assert fault.reason.endswith("allocated at app_main+0x1")


@pytest.mark.parametrize(
    ("member", "value", "size", "said"),
    [
        ("block_slots", 15, 4, "a table of 15 blocks is none"),
        ("block_slots", 1 << 30, 4, "a table of 1073741824 blocks is none"),
        ("site_slots", 1 << 20, 4, "1048576 call sites are too many"),
        ("blocks", 0x6666_0000_0000, 8, "unreadable"),
        ("sites", 0x6666_0000_0000, 8, "unreadable"),
    ],
)
def test_damaged_trackers_are_faults(planted: Planted, member: str, value: int, size: int, said: str) -> None:
    planted.set(member, value, size)
    view = planted.session().blocks(10)
    assert isinstance(view, BlocksView)
    assert [fault for fault in view.faults if said in fault.reason], view.faults
    assert [block.call_site for block in view.blocks] == [None, None, None]


def test_a_tracker_that_records_nothing_is_none(planted: Planted) -> None:
    planted.set("block_slots", 0, 4)
    assert planted.view().tracker is None
    assert planted.view().call_sites == ()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.binary(max_size=200), st.lists(st.integers(0, MASK), max_size=5))
def test_any_table_gives_an_answer(blocks: bytes, sites: bytes, asked: list[int]) -> None:
    found = decode(blocks, sites)
    assert len(found.addresses) == len(found.sites) <= len(blocks) // 16
    assert list(found.addresses) == sorted(found.addresses)
    known = {int.from_bytes(sites[at : at + 8], "little") for at in range(0, len(sites) - 31, 32)}
    assert set(map(int, found.sites)) <= known | {0}
    assert len(sites_of(found, np.array(asked, np.uint64))) == len(asked)
