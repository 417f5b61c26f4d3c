"""Stubs that answer anything at all: the client gives data or one of its own errors, and ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.stub import BASE
from unidbg.errors import TargetTimeout, UnidbgError
from unidbg.rsp.connection import Connection
from unidbg.rsp.framing import Packet, Role, escape
from unidbg.target.link import Link
from unidbg.target.rsptarget import RspTarget, attach

pytestmark = pytest.mark.timeout(300)

SUPPORTED = [
    b"PacketSize=400;QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;MultiMemRead+;binary-upload+",
    b"PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+",
    b"PacketSize=4000;unidbg-abi=1;QStartNoAckMode+;binary-upload+;MultiMemRead+;qUnidbgStop+;QUnidbgLease+",
    b"",
]
REPLIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"",
            b"OK",
            b"E01",
            b"T05thread:01;swbreak:;",
            b"S05",
            b"W00",
            b"l",
            b"m1,2,3",
            b"1",
            b"bABCD",
            b"4,4;ABCDEFGH",
            b"O41",
            b"l<target><architecture>i386:x86-64</architecture><reg name='rip' bitsize='64'/></target>",
            b"l<threads><thread id='1'/></threads>",
            b"m<target>",
            b"0011223344556677",
            b"xxxxxxxxxxxxxxxx",
            b"kind:attach;signal:02;stops:1;",
            b"QC1",
            b"vCont;c;s",
        ]
    ),
)


POLITE = {
    b"QStartNoAckMode": b"OK",
    b"QUnidbgLease": b"OK",
    b"qUnidbgStop": b"kind:exception;signal:0b;stops:1;",
    b"?": b"T05thread:1;",
    b"vCont?": b"vCont;c;s",
    b"qXfer:features": b"l<target><architecture>i386:x86-64</architecture>"
    b"<reg name='rip' bitsize='64'/></target>",
    b"qC": b"QC1",
    b"qqemu": b"0",
}


class AnyAnswer:
    """A line to a stub that answers with these in turn, and falls silent after the last.

    While `polite` is given, what it knows is answered by it.
    """

    name = "the stub"
    reliable = True

    def __init__(self, answers: list[bytes], raw: list[bytes]) -> None:
        self._server = Connection(Role.SERVER)
        self._answers = list(answers)
        self._raw = list(raw)
        self._out = b""
        self.polite: dict[bytes, bytes] = {}

    def _answer(self, payload: bytes) -> bytes | None:
        for prefix, answer in self.polite.items():
            if payload.startswith(prefix):
                return answer
        if self.polite:
            return b""
        return self._answers.pop(0) if self._answers else None

    def write_some(self, data: bytes | bytearray | memoryview) -> int:
        for event in self._server.receive_data(bytes(data)):
            answer = self._answer(event.payload) if isinstance(event, Packet) else None
            if answer is not None:
                self._server.send(escape(answer, reply=True))
            if answer == b"OK" and event == Packet(b"QStartNoAckMode"):
                self._out += self._server.data_to_send()
                self._server.stop_acks()
        self._out += self._server.data_to_send()
        if self._raw and not self.polite:
            self._out += self._raw.pop(0)
        return len(data)

    def read_some(self, timeout: float) -> bytes:
        if not self._out:
            raise TargetTimeout("silent")
        data, self._out = self._out, b""
        return data

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        self._out = b""

    def last_words(self) -> str:
        return ""


def everything(target: RspTarget) -> None:
    steps: list[Callable[[], object]] = [
        lambda: target.memory.read(BASE, 600),
        lambda: target.memory.read_many([(BASE, 4), (BASE + 5000, 4), (3, 1)]),
        lambda: target.registers.read(""),
        target.threads,
        target.memory.regions,
        target.exec_file,
        lambda: target.run.monitor("x"),
        lambda: target.run.insert_breakpoint(BASE),
        lambda: target.run.step("1"),
        lambda: target.architecture,
        target.run.stop,
    ]
    for step in steps:
        with suppress(UnidbgError):
            step()


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("link.SETTLE", "link.QUIET", "run.GIVING_UP", "rsptarget.QUIET", "rsptarget.LEAVING"):
        monkeypatch.setattr(f"unidbg.target.{name}", 0.01)


@given(
    st.sampled_from(SUPPORTED), st.lists(REPLIES, max_size=40), st.lists(st.binary(max_size=6), max_size=3)
)
def test_any_answers_from_the_first_on(supported: bytes, answers: list[bytes], raw: list[bytes]) -> None:
    link = Link(AnyAnswer([supported, *answers], raw), timeout=0.02)
    with suppress(UnidbgError):
        target = attach("fuzz", link)
        everything(target)
        target.close()


@given(
    st.sampled_from(SUPPORTED), st.lists(REPLIES, max_size=60), st.lists(st.binary(max_size=6), max_size=3)
)
def test_any_answers_once_attached(supported: bytes, answers: list[bytes], raw: list[bytes]) -> None:
    line = AnyAnswer(answers, raw)
    line.polite = {b"qSupported": supported, **POLITE}
    target = attach("fuzz", Link(line, timeout=0.02))
    line.polite = {}
    with suppress(UnidbgError):
        everything(target)
    target.close()
