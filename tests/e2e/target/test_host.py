"""A running guest read from its process: the same views as over its stub, with a short stop or none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.guests import Booted, boot_guest
from unidbg.errors import RegisterUnavailable
from unidbg.session import ImageSpec, Session
from unidbg.target.host.pmemsave import PmemsaveWay
from unidbg.target.host.qemu import QemuTarget
from unidbg.target.host.ways import MemWay, VmWay
from unidbg.transport.qmp import Qmp
from unidbg.views.base import Absent, View
from unidbg.views.system import LoopView, MemoryView, ThreadsView

STILL = ("memory", "boot", "app", "devices")
"""Views of which little changes while the guest runs."""


@pytest.fixture(scope="module")
def hello(sample: Callable[[str], Path]) -> Iterator[Booted]:
    with boot_guest(sample("hello"), ready="libos: ") as guest:
        yield guest


def qmp(guest: Booted) -> str:
    return guest.record.lines["qmp"]


def view(session: Session, name: str) -> View:
    found = session.view(name)
    assert not isinstance(found, Absent), found
    return found


def test_the_same_views_as_over_the_stub(hello: Booted) -> None:
    with hello.session() as session:
        over_stub = {name: view(session, name) for name in STILL}
    with hello.session(qmp(hello)) as session:
        assert session.provenance().access.startswith("qmp, ")
        past_it = {name: view(session, name) for name in STILL}
    assert past_it["app"].entry == over_stub["app"].entry  # type: ignore[attr-defined]
    assert past_it["boot"].phases == over_stub["boot"].phases  # type: ignore[attr-defined]
    first, second = past_it["memory"], over_stub["memory"]
    assert isinstance(first, MemoryView)
    assert isinstance(second, MemoryView)
    assert (first.pages, first.regions, first.page_table_root) == (
        second.pages,
        second.regions,
        second.page_table_root,
    )


def test_a_stop_is_short_and_the_guest_goes_on(hello: Booted) -> None:
    with hello.session(qmp(hello)) as session:
        stops = [session.snapshot(["loop", "threads"]).stopped_ns for _ in range(5)]
        assert all(stop is not None and 0 < stop < 1_000_000_000 for stop in stops)
        first = turns(session)
        wait_for_more(session, first)
    with Qmp(qmp(hello).removeprefix("qmp:")) as monitor:
        assert monitor.command("query-status")["status"] == "running"


def turns(session: Session) -> int:
    found = view(session, "loop")
    assert isinstance(found, LoopView)
    return found.iterations


def wait_for_more(session: Session, first: int) -> None:
    deadline = time.monotonic() + 20
    while turns(session) <= first:
        assert time.monotonic() < deadline


def test_racy_reads_never_stop_the_guest(hello: Booted) -> None:
    with hello.session(f"{qmp(hello)},racy") as session:
        assert session.target.run is None
        snapshot = session.snapshot(["threads", "loop"])
        assert snapshot.stopped_ns is None
        threads = snapshot.views["threads"]
        assert isinstance(threads, ThreadsView)
        assert threads.provenance.consistency == "racy"
        assert threads.threads[0].state in ("halted", "running")
        assert "libos_main" in [frame.pc.symbol for frame in threads.threads[0].frames]
        wait_for_more(session, turns(session))


def test_a_paused_guest_stays_paused(hello: Booted) -> None:
    with Qmp(qmp(hello).removeprefix("qmp:")) as monitor:
        monitor.command("stop")
    with hello.session(qmp(hello)) as session:
        assert session.target.stop_reason is not None
        assert turns(session) == turns(session)
    with Qmp(qmp(hello).removeprefix("qmp:")) as monitor:
        assert monitor.command("query-status")["status"] == "paused"
        monitor.command("cont")


def test_steps_and_breakpoints_go_through_the_gdbstub(hello: Booted) -> None:
    with hello.session(qmp(hello)) as session:
        run = session.target.run
        assert run is not None
        with run.stopped():
            before = session.registers().registers
            assert run.step("1").kind == "step"
            after = session.registers().registers
        assert {r.name: r.value for r in before}.keys() == {r.name: r.value for r in after}.keys()
        assert "info" in session.monitor("help info") or session.monitor("help")
    with hello.session(qmp(hello)) as session:
        wait_for_more(session, turns(session))


def test_every_way_reads_the_same(hello: Booted) -> None:
    with Qmp(qmp(hello).removeprefix("qmp:")) as monitor:
        target = QemuTarget("x", monitor, racy=True, gdbstub=lambda: pytest.fail("not needed"))
        place = image_start(hello)
        expected = target.physical.read(place, 4096)
        host = target.physical.host(place)
        assert host is not None
        assert PmemsaveWay(monitor).read(place, 4096) == expected
        for way in (VmWay(hello.record.pid, host[0]), MemWay(hello.record.pid, host[0])):
            assert way.read(host[0], 4096) == expected
            way.close()
        target.close()


def image_start(guest: Booted) -> int:
    from unidbg_symbols import Image

    with Image.open(str(guest.image)) as image:
        return image.text_ranges[0][0]


def test_a_process_gives_memory_and_says_why_it_gives_no_registers(hello: Booted) -> None:
    with Session.open(f"pid:{hello.record.pid}", images=[ImageSpec(str(hello.image))]) as session:
        assert session.provenance().consistency == "racy"
        assert session.program.modules[0].verified == "build-id"
        wait_for_more(session, turns(session))
        with pytest.raises(RegisterUnavailable, match="VMM's own business"):
            session.registers()
