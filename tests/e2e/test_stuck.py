"""A guest that hangs is looked into: a device that does not answer, a loop that is late, a loop without end,
with interrupts on and off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.e2e.guests import Boot, Booted
from unidbg.session import ImageSpec, Session
from unidbg.views.base import View
from unidbg.views.network import RingsView
from unidbg.views.system import LoopView, OverviewView, ThreadsView

PATIENCE_S = 60.0
LATE_NS = 500_000_000
V = TypeVar("V", bound=View)
SPINNING = ("wait_for_answer", "spin", "run_timers", "loop_run")


def stuck(boot: Boot, way: str, machine: str = "q35", more: str = "") -> Booted:
    return boot("stuck", machine=machine, append=f"stuck={way} {more}", ready=f"stuck: {way}")


@pytest.mark.parametrize("machine", ["q35", "microvm"])
def test_a_ring_whose_device_never_completes(boot: Boot, machine: str) -> None:
    guest = stuck(boot, "ring", machine)
    for line in (guest.stub, guest.gdbstub):
        with guest.session(line) as session:
            ring = until(session, "rings", RingsView, lambda view: view.rings and view.rings[0].stuck).rings[
                0
            ]
        assert ring.stuck.startswith("the device has given back none of 3, for ")
        assert ring.queue is not None
        assert (ring.in_flight, ring.queue.in_flight) == (3, 3)
    assert "stuck: the device has given back none of 3" in guest.unidbg("overview").stdout


def test_a_timer_that_is_overdue(boot: Boot) -> None:
    guest = stuck(boot, "timer")
    with guest.session() as session:

        def late(view: LoopView) -> bool:
            return any(timer.overdue_ns > LATE_NS for timer in view.timers)

        loop = until(session, "loop", LoopView, late)
        overdue = max(loop.timers, key=lambda timer: timer.overdue_ns)
        assert overdue.callback.symbol == "count"
        assert "slow_report" in trail(session)


def test_a_loop_without_end_that_hears(boot: Boot) -> None:
    guest = stuck(boot, "spin")
    for line in (guest.stub, guest.gdbstub):
        with guest.session(line) as session:
            assert set(SPINNING) <= set(trail(session))
            assert session.target.access == "rsp"
        assert goes_on(guest, line)


@pytest.mark.parametrize("machine", ["q35", "microvm"])
def test_a_loop_without_end_that_hears_nothing(boot: Boot, machine: str) -> None:
    guest = stuck(boot, "spin-cli", machine)
    done = guest.unidbg("attach")
    assert done.returncode == 0, done.stderr
    assert "does not answer a break-in" in done.stderr
    assert "by rsp+nmi" in done.stdout
    with guest.session() as session:
        for _ in range(3):
            assert set(SPINNING) <= set(trail(session))
            overview = session.view("overview")
            assert isinstance(overview, OverviewView)
            assert overview.state == "running"
    assert goes_on(guest, guest.stub)


def test_by_its_name_the_gdbstub_answers_in_place_of_a_deaf_stub(boot: Boot) -> None:
    guest = stuck(boot, "spin-cli")
    done = guest.unidbg("bt", guest.name)
    assert done.returncode == 0, done.stderr
    assert "stub does not answer" in done.stderr
    assert "wait_for_answer" in done.stdout


def test_by_its_name_an_nmi_is_left_where_somebody_uses_the_gdbstub(boot: Boot) -> None:
    guest = stuck(boot, "spin-cli")
    with guest.session(guest.gdbstub):
        done = guest.unidbg("bt", guest.name)
    assert done.returncode == 0, done.stderr
    assert "is stopped by NMI" in done.stderr
    assert "wait_for_answer" in done.stdout


def test_a_guest_that_goes_deaf_while_it_is_watched(boot: Boot) -> None:
    guest = boot("stuck", append="stuck=spin-cli stuck-after=1500", ready="stuck: spin-cli")
    with Session.open(guest.stub, images=[ImageSpec(str(guest.image))], timeout=4.0) as session:
        session.view("overview")
        assert session.target.access == "rsp"
        deadline = time.monotonic() + PATIENCE_S
        while session.target.access == "rsp":
            assert time.monotonic() < deadline
            session.view("overview")
        assert set(SPINNING) <= set(trail(session))


def trail(session: Session) -> list[str | None]:
    """The functions that the first thread is in."""
    view = session.view("threads")
    assert isinstance(view, ThreadsView)
    return [frame.pc.symbol for frame in view.threads[0].frames]


def goes_on(guest: Booted, line: str) -> bool:
    """Whether the loop has turned while nobody looked."""
    with guest.session(line) as session:
        first = session.evaluate("spins").value
    with guest.session(line) as session:
        return session.evaluate("spins").value != first


def until(session: Session, name: str, kind: type[V], wanted: Callable[[V], object]) -> V:
    """The view, once it is as wanted."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        view = session.view(name)
        assert isinstance(view, kind)
        if wanted(view):
            return view
        assert time.monotonic() < deadline, view
        time.sleep(0.05)
