"""How a running guest is stopped, and how its stub tells why it stands: our stub has its own way of both."""

from __future__ import annotations

import time
from typing import Protocol

from unidbg.errors import TargetTimeout
from unidbg.rsp.stop import StopReply, parse_stop_reply
from unidbg.rsp.unidbgstub import STOP_QUERY, lease_request, parse_stub_stop
from unidbg.target.base import StopReason
from unidbg.target.link import Link
from unidbg.target.reasons import explain, explain_stub
from unidbg.target.stub import Stub
from unidbg.views.record import Record, record

LEASE = 3.0
"""Seconds that we may be silent before our stub lets its guest go on."""
INTERRUPTED = frozenset({0, 2, 17})
"""Signals of a stop that we asked for; any other means that the guest stopped of its own accord."""


@record
class Stopped(Record):
    """A stop. `by_itself`: the guest made it; `by_coming`: a client's coming made it."""

    reply: StopReply
    reason: StopReason
    by_itself: bool
    by_coming: bool = False


class BreakIn(Protocol):
    """The way of one kind of stub."""

    def send(self) -> None:
        """Tell a running guest to stop."""
        ...

    def confirm(self, timeout: float) -> Stopped:
        """Wait until it stands. `TargetTimeout` if it does not obey."""
        ...

    def explain(self, reply: StopReply, *, stepping: bool, breakpoints: bool) -> Stopped:
        """A stop that came as the answer to `c` or `s`."""
        ...


class Interrupt:
    """Any stub: 0x03, and the stop reply that is due."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def send(self) -> None:
        self._link.settle()
        self._link.interrupt()

    def confirm(self, timeout: float) -> Stopped:
        reply = parse_stop_reply(self._link.stop_reply(timeout))
        return self.explain(reply, stepping=False, breakpoints=True)

    def explain(self, reply: StopReply, *, stepping: bool, breakpoints: bool) -> Stopped:
        reason = explain(reply, stepping=stepping, breakpoints=breakpoints)
        return Stopped(reply, reason, by_itself=reply.signal not in INTERRUPTED)


class PacketBreakIn:
    """Our stub: the packet that asks for the reason stops the guest, and no stop reply is due then.

    A guest stopped in this way counts as one that a coming client stopped: should we die, the next client
    lets it go on. A lease that may have run out is renewed on the way.

    A guest that runs with interrupts off does not hear the line. Where there is an NMI, that stops it from
    then on.
    """

    def __init__(self, link: Link, stub: Stub) -> None:
        self._link = link
        self._stub = stub

    def send(self) -> None:
        """Nothing, as a rule: the query of `confirm` is the break-in."""
        if self._stub.deaf and self._stub.nmi:
            self._stub.nmi()

    def confirm(self, timeout: float) -> Stopped:
        try:
            if self.lapsed:
                self._renew(timeout)
            return self._query(timeout)
        except TargetTimeout:
            if self._stub.nmi is None or self._stub.deaf:
                raise TargetTimeout(f"{self._link.line.name} does not answer a break-in") from None
        return self._by_nmi(timeout)

    def _by_nmi(self, timeout: float) -> Stopped:
        """What was sent in vain is answered first, and left aside. The lease would run out each time."""
        ends_lease = self._stub.lease
        assert self._stub.nmi is not None
        self._stub.nmi()
        self._stub.deaf = True
        stopped = self._query(timeout)
        if ends_lease:
            self._link.request(lease_request(0), timeout)
        return stopped

    @property
    def lapsed(self) -> bool:
        """Whether we were silent for so long that the stub may have ended the session."""
        return self._stub.lease and time.monotonic() - self._link.spoke_at > 0.8 * LEASE

    def explain(self, reply: StopReply, *, stepping: bool, breakpoints: bool) -> Stopped:
        del stepping, breakpoints
        return self._query(self._link.timeout)

    def _query(self, timeout: float) -> Stopped:
        """Ask for the reason and for the stop reply; stop replies that crossed the question are stale."""
        answer, again = self._link.request_many((STOP_QUERY, b"?"), timeout)
        return self.tell(answer, again)

    def tell(self, answer: bytes, again: bytes) -> Stopped:
        """The stop that the replies to qUnidbgStop and `?` are about."""
        self._link.stray_stops.clear()
        reply = parse_stop_reply(again)
        stop = parse_stub_stop(answer)
        if stop is None:
            return Stopped(reply, explain(reply), by_itself=reply.signal not in INTERRUPTED)
        ours = stop.kind in ("attach", "interrupt")
        coming = stop.kind == "attach" or (self._stub.deaf and stop.kind == "interrupt")
        return Stopped(reply, explain_stub(stop, reply), by_itself=not ours, by_coming=coming)

    def _renew(self, timeout: float) -> None:
        if not self._link.acks:
            self._link.settle()
            self._link.start_over()
            self._link.request(b"QStartNoAckMode", timeout)
            self._link.stop_acks()
        self._link.request(lease_request(int(1000 * LEASE)), timeout)
