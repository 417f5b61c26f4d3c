"""A serial line on which one byte, anywhere, becomes another: our client still gets what it asked for."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.support.stub_host import HostBuild, Served
from tests.support.wires import Spoiling
from unidbg.target.link import Link
from unidbg.target.rsptarget import attach
from unidbg.transport.sockets import open_tcp
from unidbg.transport.url import TcpAddress

pytestmark = pytest.mark.timeout(3600)

LONG = bool(os.environ.get("UNIDBG_LONG"))
EXAMPLES = 40
"""Of the gate; a long run takes each byte of the conversation."""
NASTY = b"+-$%#}*\x03\x00\xff"
"""What means something between packets or in them."""


class OneByte(Spoiling):
    """Changes byte number `place` of a direction into `value`; -1: counts alone."""

    def __init__(self, line: object, direction: str = "", place: int = -1, value: int = 0) -> None:
        self.direction, self.place, self.value = direction, place, value
        self.passed = {"out": 0, "in": 0}
        super().__init__(line, self._change)  # type: ignore[arg-type]

    def _change(self, data: bytes, direction: str, number: int) -> bytes:
        del number
        at = self.place - self.passed[direction]
        self.passed[direction] += len(data)
        if direction == self.direction and 0 <= at < len(data):
            changed = data[:at] + bytes([self.value]) + data[at + 1 :]
            return data if whole(changed[at:]) else changed
        return data


def whole(data: bytes) -> bool:
    """A `$` in the middle of a packet has made one of its end, and the sum is right by chance."""
    body, _, digits = data[1:].partition(b"#")
    return data[:1] == b"$" and digits[:2] == b"%02x" % (sum(body) & 0xFF)


@pytest.fixture
def served(build: HostBuild) -> Iterator[Served]:
    with Served(build) as server:
        yield server


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loopback answers at once."""
    monkeypatch.setattr("unidbg.target.link.REPEAT", 0.1)
    monkeypatch.setattr("unidbg.target.link.ECHO", 0.05)


def converse(served: Served, names: dict[str, int], *change: object) -> OneByte:
    """A session with something of everything; each answer is known."""
    line = OneByte(open_tcp(TcpAddress("127.0.0.1", served.port), 5.0), *change)  # type: ignore[arg-type]
    with attach(served.address, Link(line, timeout=5.0)) as target:
        assert (target.kind, target.architecture) == ("unidbg", "x86_64")
        with target.run.stopped():
            assert target.memory.read(names["text"], 5) == b"hello"
            target.memory.write(names["buffer"], b"#$}*\x03+-%")
            assert target.memory.read(names["buffer"], 8) == b"#$}*\x03+-%"
            assert target.memory.read_many([(names["text"], 5), (8, 8)]) == [b"hello", None]
            assert target.registers.read("")["cs"] == 8
            assert target.run.monitor("echo one") == "[one]\n"
        target.run.insert_breakpoint(names["tick"])
        assert target.run.wait(10.0).kind == "breakpoint"
        assert target.registers.read("")["rip"] == names["tick"]
        target.run.remove_breakpoint(names["tick"])
    return line


def places(served: Served, names: dict[str, int]) -> list[tuple[str, int]]:
    """Each byte of both directions, if all goes well."""
    passed = converse(served, names).passed
    return [(direction, place) for direction in passed for place in range(passed[direction])]


def test_any_byte_of_a_conversation(served: Served, names: dict[str, int]) -> None:
    chance = random.Random(5)
    everywhere = places(served, names)
    for direction, place in everywhere if LONG else chance.sample(everywhere, EXAMPLES):
        value = chance.choice(NASTY) if chance.random() < 0.7 else chance.randrange(256)
        try:
            converse(served, names, direction, place, value)
        except Exception as error:
            raise AssertionError(f"byte {place} of what goes {direction} as {value:#x}") from error
