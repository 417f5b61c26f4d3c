"""Timers fire in order, by a clock that agrees with the host's."""

from __future__ import annotations

import re
import time

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.guest import Guest


def test_timers_fire_in_the_order_of_their_deadlines(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"sorted 400$")
    found = re.findall(r"^\[ *(\d+\.\d+)\] hello: sorted (\d+)$", guest.text.decode(), re.MULTILINE)
    assert [int(number) for _, number in found] == [100, 200, 300, 400]
    assert sorted(float(stamp) for stamp, _ in found) == [float(stamp) for stamp, _ in found]


def heartbeat(guest: Guest, number: int) -> tuple[float, float]:
    """The times of a heartbeat by the guest's clock and by ours."""
    stamp = guest.wait_for(rf"^\[ *(\d+\.\d+)\] hello: heartbeat {number},")[1]
    return float(stamp), time.monotonic()


def test_clock_agrees_with_the_host(boot: Boot) -> None:
    """We may be late to see a line, on a busy host; a clock that is wrong is wrong each time."""
    guest = boot("hello")
    ratios = []
    for first in (1, 3, 5):
        (guest_start, start), (guest_end, end) = heartbeat(guest, first), heartbeat(guest, first + 2)
        ratios.append((guest_end - guest_start) / (end - start))
        if abs(ratios[-1] - 1) < 0.1:
            return
    raise AssertionError(ratios)


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
