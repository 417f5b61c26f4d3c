"""Breakpoints in the stub and in what it calls, and a command that uses its stack up: the guest lives."""

from __future__ import annotations

import re

import pytest

from tests.e2e.guests import Boot
from tests.e2e.test_stock_debuggers import gdb

pytestmark = pytest.mark.timeout(180)


def test_a_name_that_the_stub_has_too(boot: Boot) -> None:
    """gdb goes on only if all places can be set: that of the stub is taken, and never stopped at."""
    guest = boot("hello")
    said = gdb(
        guest,
        "set breakpoint always-inserted on",
        "break report",
        "break wire_begin",
        "hbreak serve",
        "break heartbeat",
        "continue",
        "monitor breakpoints",
        "stepi",
        "continue",
        "backtrace 1",
        "delete",
        "detach",
    )
    assert said.count("Breakpoint 4, heartbeat") == 2, said
    assert "in the stub: never hit" in said
    guest.wait_for_life()


def test_what_the_stub_calls(boot: Boot) -> None:
    """The clock of the guest is read at each stop; a variable of the stub changes in it."""
    guest = boot("hello")
    said = gdb(
        guest,
        "break clock_ns",
        "continue",
        "backtrace 2",
        "break heartbeat",
        "watch stub.stops",
        "continue",
        "delete 1",
        "continue",
        "delete",
        "detach",
    )
    assert re.search(r"Breakpoint 1(\.\d+)?, clock_ns", said), said
    assert "Breakpoint 2, heartbeat" in said, said
    guest.wait_for_life()


def test_a_command_that_runs_out_of_the_stubs_stack(boot: Boot) -> None:
    """The page below that stack is not mapped: an error to the client, and nothing is written over."""
    guest = boot("crash")
    said = gdb(guest, "monitor overflow", "monitor reason", "detach")
    assert "a client came" in said, said
    guest.wait_for_life()


def test_a_device_is_read_by_monitor_alone(boot: Boot) -> None:
    """The local APIC: its version."""
    guest = boot("hello")
    said = gdb(guest, "monitor device 0xfee00030", "x/wx 0xfee00030", "detach")
    assert re.search(r"^0x[0-9a-f]*50014$", said, re.MULTILINE), said
    assert "Cannot access memory at address 0xfee00030" in said
    guest.wait_for_life()
