"""Sessions over a fake guest: views, one brief stop, what the next refresh costs."""

from __future__ import annotations

import struct

import pytest

from tests.support.kernel import kernel
from unidbg.errors import ImageMismatch, LocalProtocolError
from unidbg.session import ImageSpec, Session
from unidbg.views.base import Absent
from unidbg.views.system import HeapView, LoopView, OverviewView


def test_heap_of_a_guest_that_stands() -> None:
    guest = kernel()
    session = Session.over(guest.target, images=[ImageSpec(guest.path)])
    heap = session.view("heap")
    assert isinstance(heap, HeapView)
    assert (heap.allocated_bytes, heap.peak_bytes, heap.count) == (4096, 8192, 3)
    assert heap.provenance.stopped_ns is None
    assert heap.provenance.images[0].verified == "build-id"
    assert session.profile_name == "probe"


def test_a_running_guest_is_stopped_once_and_goes_on() -> None:
    guest = kernel(running=True)
    session = Session.over(guest.target, images=[ImageSpec(guest.path)])
    guest.target.fake_run.stops = 0
    snapshot = session.snapshot(Session.VIEWS)
    assert guest.target.fake_run.stops == 1
    assert guest.target.fake_run.running
    assert snapshot.stopped_ns is not None
    assert all(view.provenance.stopped_ns == snapshot.stopped_ns for view in snapshot.views.values())
    overview = snapshot.views["overview"]
    assert isinstance(overview, OverviewView)
    assert overview.state == "running"
    assert isinstance(overview.heap, HeapView)
    assert overview.heap.provenance == overview.provenance


def test_the_second_refresh_fetches_all_at_once() -> None:
    guest = kernel(running=True)
    session = Session.over(guest.target, images=[ImageSpec(guest.path)])
    names = ("heap", "loop", "boot", "log", "app", "devices")
    first = session.snapshot(names)
    guest.memory.round_trips = 0
    guest.memory.plant(guest.member("heap", "allocated"), struct.pack("<Q", 5555))
    guest.memory.round_trips = 0
    second = session.snapshot(names)
    assert guest.memory.round_trips == 1
    assert isinstance(second.views["heap"], HeapView)
    assert second.views["heap"].allocated_bytes == 5555
    assert second.generation == first.generation + 1


def test_what_has_moved_is_followed_in_a_second_stop() -> None:
    guest = kernel(running=True)
    session = Session.over(guest.target, images=[ImageSpec(guest.path)])
    session.snapshot(["loop"])
    moved = 0x30_8000
    handlers = guest.program.value("loop").handlers
    guest.memory.plant(moved, handlers.deref_().bytes_())
    guest.memory.plant(guest.member("loop", "handlers"), struct.pack("<Q", moved))
    guest.target.fake_run.stops = 0
    view = session.view("loop")
    assert isinstance(view, LoopView)
    assert view.handlers[0].callback.symbol == "on_input"
    assert guest.target.fake_run.stops == 2
    session.view("loop")
    session.view("loop")
    assert guest.target.fake_run.stops == 4


def test_a_wrong_image_is_refused() -> None:
    guest = kernel()
    other = kernel("int x = 3; void _start(void) { for (;;) x++; }")
    with pytest.raises(ImageMismatch, match=r"--image FILE") as caught:
        Session.over(guest.target, images=[ImageSpec(other.path)])
    assert caught.value.path == other.path


def test_without_an_image_what_needs_none_still_works() -> None:
    guest = kernel()
    session = Session.over(guest.target)
    heap = session.view("heap")
    assert isinstance(heap, Absent)
    assert "--image" in heap.remedy
    overview = session.view("overview")
    assert isinstance(overview, OverviewView)
    assert isinstance(overview.heap, Absent)
    assert not isinstance(overview.threads, Absent)


def test_an_image_that_was_only_found_and_is_wrong_is_left_out() -> None:
    guest = kernel()
    guest.target.exec_path = kernel("int x = 3; void _start(void) { for (;;) x++; }").path
    heap = Session.over(guest.target).view("heap")
    assert isinstance(heap, Absent)
    assert "not the image that runs" in heap.reason


def test_the_image_that_the_target_names_is_found() -> None:
    guest = kernel()
    guest.target.exec_path = guest.path
    assert isinstance(Session.over(guest.target).view("heap"), HeapView)


def test_an_unknown_view_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="hepa"):
        Session.over(kernel().target).snapshot(["hepa"])


def test_monitor_and_close() -> None:
    guest = kernel()
    with Session.over(guest.target) as session:
        assert session.monitor("stats") == "ran stats\n"
        guest.target.run = None
        with pytest.raises(LocalProtocolError):
            session.monitor("stats")
    assert guest.target.closed
