"""Of the blocks that the sample leaky makes, `leaks` names those that it leaks, and no others."""

from __future__ import annotations

import linecache
import re
import signal
import subprocess
from collections import Counter
from typing import Any, NamedTuple

import pytest

from tests.e2e.guests import Boot, Booted
from unidbg.session import Session
from unidbg.structures.strings import text
from unidbg.views.forensics import LeaksView

CHURNED = 1
"""The block that is always allocated anew: not in the sample's table, and not leaked."""


class Made(NamedTuple):
    """A block as the sample tells of it."""

    size: int
    leaked: bool
    maker: str


def made(session: Session) -> dict[int, Made]:
    """By the address of the block's data."""
    value: Any = session.program.value
    mask, count = int(value("blocks_mask")), int(value("blocks_made_count"))
    table = value("blocks_made")
    return {
        int(each.masked) ^ mask: Made(int(each.size), bool(each.leaked), text(each.maker)[0])
        for each in (table[i] for i in range(count))
    }


def check(guest: Booted, line: str) -> None:
    with guest.session(line) as session:
        assert session.target.run is not None
        with session.target.run.stopped():
            blocks, view = made(session), session.leaks()
    assert isinstance(view, LeaksView), view
    leaked = Counter((each.size, each.maker) for each in blocks.values() if each.leaked)
    found = Counter[tuple[int, str | None]]()
    for group in view.groups:
        assert group.call_site is not None
        found[group.size_bytes, group.call_site.symbol] += group.count
        assert "heap_allocate(" in linecache.getline(group.call_site.file or "", group.call_site.line or 0)
        assert blocks[group.witness].leaked
    assert found == leaked
    kept = sum(not each.leaked for each in blocks.values())
    assert kept + CHURNED <= view.reachable <= kept + CHURNED + 1  # it may stand while one is borrowed
    assert view.faults == ()


@pytest.mark.parametrize(("machine", "slide"), [("q35", "aslr"), ("microvm", "")])
def test_leaks_are_those_that_the_sample_makes(boot: Boot, machine: str, slide: str) -> None:
    guest = boot("leaky", machine=machine, append=f"callsites {slide}", ready="leaky: made")
    check(guest, guest.gdbstub)
    check(guest, guest.stub)


def test_a_block_that_only_a_frame_holds_is_kept(boot: Boot) -> None:
    guest = boot("leaky", append="callsites", ready="leaky: made")
    with guest.session() as session:
        assert session.target.run is not None
        run = session.target.run
        stop = int(session.symbol("leaky_borrowed")[0].location.address)
        run.stop()
        run.insert_breakpoint(stop)
        run.resume()
        run.wait(30.0)
        blocks, view = made(session), session.leaks()
        run.remove_breakpoint(stop)
    assert isinstance(view, LeaksView), view
    assert view.leaked == sum(each.leaked for each in blocks.values())
    assert view.reachable == sum(not each.leaked for each in blocks.values()) + CHURNED + 1


def test_what_it_costs_is_said_before_and_the_guest_goes_on_when_it_is_interrupted(boot: Boot) -> None:
    guest = boot("leaky", ready="leaky: made")
    with subprocess.Popen(guest.command("leaks"), stderr=subprocess.PIPE, text=True) as asked:
        assert asked.stderr is not None
        assert re.search(
            r"KiB are to be read .* about \d+ s, or until Ctrl-C.*qmp:PATH", asked.stderr.readline()
        )
        asked.send_signal(signal.SIGINT)
        assert asked.wait(10.0) == 130
    with guest.session() as session:
        assert session.target.run is not None
        assert session.target.run.running
