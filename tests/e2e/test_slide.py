"""A guest that moved itself is found, with evidence, by every way of reading it; and names lead to it."""

from __future__ import annotations

import pytest

from tests.e2e.guests import Boot, Booted, run_unidbg
from unidbg.session import ImageSpec, Session
from unidbg.views.system import OverviewView, ThreadsView


@pytest.fixture(params=["q35", "microvm"])
def guest(boot: Boot, request: pytest.FixtureRequest) -> Booted:
    return boot("hello", machine=str(request.param), append="aslr", ready="sorted 400")


def open_gdbstub(guest: Booted) -> Session:
    return Session.open(guest.gdbstub, images=[ImageSpec(str(guest.image))])


def slide_of(guest: Booted) -> int:
    """As the guest says."""
    with guest.session() as session:
        lines = session.monitor("stats security").splitlines()
    return int(next(line for line in lines if line.startswith("security.slide_bytes=")).split("=")[1], 16)


def test_each_way_finds_where_it_runs(guest: Booted) -> None:
    slide = slide_of(guest)
    assert slide
    with guest.session() as session:
        (module,) = session.program.modules
        assert (module.bias, module.verified) == (slide, "build-id")
        assert module.evidence == "what the target says"
    with open_gdbstub(guest) as session:
        (module,) = session.program.modules
        assert (module.bias, module.verified) == (slide, "build-id")
        assert module.evidence.startswith("code at ")


def test_names_lines_and_frames_over_the_gdbstub(guest: Booted) -> None:
    with open_gdbstub(guest) as session:
        view, threads = session.view("overview"), session.backtrace()
        value = session.evaluate("heartbeats")
        code = session.disassemble("heartbeat", 1).instructions[0]
    assert isinstance(view, OverviewView)
    assert isinstance(threads, ThreadsView)
    assert "libos_main" in [frame.pc.symbol for frame in threads.threads[0].frames]
    assert view.pc is not None
    assert view.pc.line is not None
    assert (code.location.symbol, code.location.offset) == ("heartbeat", 0)
    assert value.value.address is not None


def test_commands_say_it(guest: Booted) -> None:
    slide = f"{slide_of(guest):#x}"
    for line in (None, guest.gdbstub):
        ran = guest.unidbg("doctor", line)
        assert f"at bias {slide}, found by " in " ".join(ran.stdout.split()), ran.stdout
    assert f"at bias {slide}" in guest.unidbg("overview").stdout


def test_a_bias_that_is_given_is_checked(guest: Booted) -> None:
    slide = slide_of(guest)
    right = run_unidbg("app", guest.stub, "--image", f"{guest.image}@{slide:#x}")
    assert right.returncode == 0, right.stderr
    wrong = run_unidbg("app", guest.stub, "--image", f"{guest.image}@{slide + 0x1000:#x}")
    assert wrong.returncode != 0
    assert "is not the image that runs" in wrong.stderr
