"""Ctrl-C between any two bytes: the guest is let go, and nothing of ours stays in it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from tests.support.stub import BASE, QEMU, UNIDBG, FakeStub, Flavour, pair
from unidbg.errors import TargetError
from unidbg.target.link import Link
from unidbg.target.rsptarget import RspTarget, attach
from unidbg.transport.line import Line

pytestmark = pytest.mark.timeout(60)


class Interrupted:
    """A line on which the n-th operation raises KeyboardInterrupt, before it is made, half made or made."""

    def __init__(self, line: Line, when: int, how: str) -> None:
        self._line = line
        self._left = when
        self._how = how
        self.name, self.reliable = line.name, line.reliable

    def _due(self) -> bool:
        self._left -= 1
        return self._left == 0

    def write_some(self, data: bytes | bytearray | memoryview) -> int:
        if not self._due():
            return self._line.write_some(data)
        if self._how == "half":
            self._line.write_some(bytes(data)[: len(data) // 2])
            self._how = "resume"
        raise KeyboardInterrupt

    def read_some(self, timeout: float) -> bytes:
        if not self._due():
            return self._line.read_some(timeout)
        if self._how == "after":
            self._line.read_some(timeout)
        raise KeyboardInterrupt

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        self._line.close()

    def last_words(self) -> str:
        return ""


def work(target: RspTarget) -> None:
    """A bit of everything."""
    target.memory.read(BASE, 3000)
    if target.physical is not None:
        target.physical.read(BASE, 3000)
    target.registers.read("2")
    target.run.insert_breakpoint(0x1234)
    with target.run.stopped():
        target.threads()
    target.run.stop()
    target.run.resume()


def interrupted(flavour: Flavour, when: int, how: str) -> tuple[FakeStub, bool]:
    """Attach, work, be interrupted, leave. Whether the interruption came at all."""
    stub, line = pair(flavour)
    came = False
    link = Link(Interrupted(line, when, how), timeout=2.0)
    target = None
    try:
        target = attach("test", link)
        work(target)
    except KeyboardInterrupt:
        came = True
    try:
        if target is not None:
            target.close()
    except KeyboardInterrupt:
        came = True
    line.close()
    return stub, came


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stub answers at once: what has not come by then was lost on purpose."""
    monkeypatch.setattr("unidbg.target.link.SETTLE", 0.05)
    monkeypatch.setattr("unidbg.target.link.QUIET", 0.01)
    monkeypatch.setattr("unidbg.target.run.GIVING_UP", 0.02)
    monkeypatch.setattr("unidbg.target.rsptarget.QUIET", 0.02)
    monkeypatch.setattr("unidbg.target.rsptarget.LEAVING", 0.2)


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("name", ["qemu", "unidbg"])
def test_the_guest_is_let_go_whenever_the_interruption_comes(name: str, how: str) -> None:
    flavour = {"qemu": QEMU, "unidbg": UNIDBG}[name]
    came, when = True, 0
    while came:
        when += 1
        stub, came = interrupted(flavour, when, how)
        stub.join()
        assert stub.running, (when, stub.log[-6:])
        assert not stub.breakpoints, (when, stub.log[-6:])
        assert not stub.physical, (when, stub.log[-6:])
    assert when > 40


def test_a_packet_cut_in_half_is_completed_before_the_next() -> None:
    for when in range(1, 40):
        stub, line = pair(replace(UNIDBG))
        target = None
        with suppress(KeyboardInterrupt):
            target = attach("test", Link(HalfWritten(line, when), timeout=2.0))
            work(target)
        with suppress(KeyboardInterrupt):
            if target is not None:
                target.close()
        line.close()
        stub.join()
        assert stub.running, (when, stub.log[-6:])


class HalfWritten(Interrupted):
    """The n-th write goes out in two halves, with an interruption between them."""

    def __init__(self, line: Line, when: int) -> None:
        super().__init__(line, when, "")
        self._halved = False

    def write_some(self, data: bytes | bytearray | memoryview) -> int:
        if self._halved:
            self._halved = False
            raise KeyboardInterrupt
        if len(data) > 1 and self._due():
            self._halved = True
            return self._line.write_some(bytes(data)[: len(data) // 2])
        return self._line.write_some(data)

    def read_some(self, timeout: float) -> bytes:
        return self._line.read_some(timeout)


def test_a_stub_that_dies_in_the_middle_is_a_clean_error() -> None:
    stub, line = pair(UNIDBG)
    target = attach("test", Link(line, timeout=1.0))
    stub._sock.shutdown(2)
    with pytest.raises(TargetError):
        target.memory.read(BASE, 4)
    target.close()
    stub.join()
