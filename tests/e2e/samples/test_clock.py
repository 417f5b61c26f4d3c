"""Timers fire in order, by a clock that agrees with the host's."""

from __future__ import annotations

import re
import time

from tests.e2e.samples.conftest import Boot


def test_timers_fire_in_the_order_of_their_deadlines(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"sorted 400$")
    found = re.findall(r"^\[ *(\d+\.\d+)\] hello: sorted (\d+)$", guest.text.decode(), re.MULTILINE)
    assert [int(number) for _, number in found] == [100, 200, 300, 400]
    assert sorted(float(stamp) for stamp, _ in found) == [float(stamp) for stamp, _ in found]


def test_clock_agrees_with_the_host(boot: Boot) -> None:
    guest = boot("hello")
    first = float(guest.wait_for(r"^\[ *(\d+\.\d+)\] hello: heartbeat 1,")[1])
    host_first = time.monotonic()
    last = float(guest.wait_for(r"^\[ *(\d+\.\d+)\] hello: heartbeat 3,")[1])
    host = time.monotonic() - host_first
    assert abs((last - first) / host - 1) < 0.1, (first, last, host)


def test_boot_is_quick(boot: Boot) -> None:
    guest = boot("hello")
    stamp = float(guest.wait_for(r"^\[ *(\d+\.\d+)\] hello, world$")[1])
    assert stamp < 1.0


def test_idle_guest_leaves_the_cpu_alone(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"heartbeat 1,")
    before = cpu_seconds(guest.process.pid)
    guest.wait_for(r"heartbeat 3,")
    assert cpu_seconds(guest.process.pid) - before < 0.5


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
