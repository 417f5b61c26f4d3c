"""Requests and replies over a line: the one place where RSP meets I/O.

The link knows which replies are owed to it. Whatever interrupts it (Ctrl-C in the middle of a packet, a
time-out), `settle` brings the conversation back to a known point before the next request, so that leaving
the guest in order is always possible.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from unidbg.errors import LocalProtocolError, RemoteProtocolError, TargetTimeout
from unidbg.rsp import commands
from unidbg.rsp.commands import Reply
from unidbg.rsp.connection import Connection
from unidbg.rsp.framing import Damaged, Event, Junk, Notification, Packet, Role, frame
from unidbg.rsp.replies import as_text, is_hex
from unidbg.rsp.stop import is_stop_reply
from unidbg.transport.line import Line

SETTLE = 1.0
"""Seconds that an abandoned reply may still take to come in."""
QUIET = 0.05
"""Seconds of silence after which nothing more is expected of a line whose debts are unknown."""
REPEAT = 1.0
"""Seconds after which a packet without an answer is sent again, on a line that loses bytes."""
ECHO = 0.3
"""Seconds of silence after which a reply that was asked for twice does not come any more."""
GATHER = 0.001
"""Seconds to let bytes come together that trickle in while the guest runs: to wake for each costs more."""
FEW = 256
HEAD = 256
MAX_OUTPUT = 1 << 20
MAX_WINDOW = 64


class Link:
    """A client's conversation with a stub. `round_trips` and `packets` count, for tests and benches."""

    def __init__(self, line: Line, *, timeout: float = 5.0) -> None:
        self.line = line
        self.timeout = timeout
        self.window = 1
        self.early_acks = False
        self.head = bytearray()
        self.junk = bytearray()
        self.output = bytearray()
        self.stray_stops: deque[bytes] = deque(maxlen=64)
        self.packets = 0
        self.round_trips = 0
        self._connection = Connection(Role.CLIENT)
        self._outgoing = bytearray()
        self._inbox: deque[bytes] = deque()
        self._owed: deque[Reply] = deque()
        self._lost = False
        self._gather = 0.0
        self._writing: AbstractContextManager[object] = nullcontext()
        self.spoke_at = time.monotonic()
        """When a byte was last sent, seconds of the monotonic clock."""

    # -- requests ----------------------------------------------------------------------------------------

    def request(self, payload: bytes, timeout: float | None = None) -> bytes:
        """Send one packet and return its reply. `TargetTimeout`, `TargetGone`, `RemoteProtocolError`."""
        return self.request_many((payload,), timeout)[0]

    def request_many(
        self, payloads: Sequence[bytes], timeout: float | None = None, *, window: int = MAX_WINDOW
    ) -> list[bytes]:
        """Send packets, as many in flight as the stub bears, or `window`; their replies in order."""
        self.settle()
        replies: list[bytes] = []
        self._lost = True
        sent = 0
        while len(replies) < len(payloads):
            if sent < len(payloads) and len(self._owed) <= min(self.window, window) // 2:
                sent = self._fill(payloads, sent, min(self.window, window))
            replies.append(self._reply(self._deadline(timeout)))
        self._lost = False
        return replies

    def another(self, payload: bytes, timeout: float) -> bytes | None:
        """One more reply to `payload`: what came was meant for a client before us. `None`: none comes."""
        self._owe(payload)
        try:
            return self._reply(self._deadline(timeout))
        except TargetTimeout:
            self._owed.clear()
            return None

    def sweep(self, packet: bytes, parts: Sequence[bytes], after: bytes) -> list[bytes]:
        """`packet`, which is answered by a reply to each of `parts`, and `after`: one write. The replies."""
        self.settle()
        self._lost = True
        self._connection.send(packet)
        for part in parts:
            self._owe(part)
        self._send(after)
        self.packets += 1
        self.round_trips += 1
        self._flush()
        deadline = self._deadline(None)
        self._gather = GATHER
        try:
            replies = [self._reply(deadline) for _ in range(len(parts) + 1)]
        finally:
            self._gather = 0.0
        self._lost = False
        return replies

    def _owe(self, payload: bytes) -> None:
        command = commands.find(payload)
        self._owed.append(command.reply if command else Reply.TEXT)

    def _fill(self, payloads: Sequence[bytes], sent: int, window: int) -> int:
        """Put requests into flight up to the window. Half a window at a time saves system calls."""
        while sent < len(payloads) and len(self._owed) < window:
            self._send(payloads[sent])
            sent += 1
        self.round_trips += 1
        self._flush()
        return sent

    def _send(self, payload: bytes) -> None:
        early = self.early_acks and bool(self._owed)
        self._connection.send(payload, early_ack=early)
        self._owe(payload)
        self.packets += 1

    def _reply(self, deadline: float) -> bytes:
        """The reply to the oldest request. Stop replies that nobody asked for are put aside."""
        kind = self._owed[0]
        while True:
            payload = self._payload(deadline)
            if not self._aside(payload, kind):
                self._owed.popleft()
                return self._last(payload, lambda other: not self._aside(other, kind))

    def _last(self, payload: bytes, fits: Callable[[bytes], bool]) -> bytes:
        """The reply, or the last that comes after it where a bad line has made us ask twice."""
        if self.line.reliable or len(self._owed) > 0:
            return payload
        while self._connection.troubled:
            self._connection.troubled = False
            for other in self._until_quiet(ECHO):
                payload = other if fits(other) else payload
        return payload

    def _until_quiet(self, quiet: float) -> Iterator[bytes]:
        """All that comes until nothing more has come for so many seconds."""
        while True:
            try:
                yield self._payload(time.monotonic() + quiet)
            except TargetTimeout:
                return

    def _aside(self, payload: bytes, kind: Reply) -> bool:
        if kind is Reply.BINARY or kind is Reply.STOP:
            return False
        if is_stop_reply(payload):
            self.stray_stops.append(payload)
            return True
        if is_output(payload):
            self._keep_output(payload)
            return True
        return False

    def _keep_output(self, payload: bytes) -> None:
        if len(self.output) < MAX_OUTPUT:
            self.output += bytes.fromhex(payload[1:].decode("ascii"))

    def take_output(self) -> bytes:
        """Console output that came in `O` packets since the last call."""
        output = bytes(self.output)
        self.output.clear()
        return output

    # -- running -----------------------------------------------------------------------------------------

    def start(self, payload: bytes) -> None:
        """Send a packet whose answer is the next stop, and do not wait for it."""
        self.settle()
        self._lost = True
        self._connection.send(payload)
        self.packets += 1
        self._flush()
        if not self.line.reliable:
            self._await_ack()
        self._lost = False

    def _await_ack(self) -> None:
        """On a line that loses bytes: see the packet arrive, before others make its refusal ambiguous."""
        deadline = self._deadline(None)
        while self._connection.unacknowledged and not self._inbox:
            self._receive(deadline)

    def interrupt(self) -> None:
        """Send 0x03."""
        self._finish_writing()
        self._connection.interrupt()
        self._flush()

    def stop_reply(self, timeout: float) -> bytes:
        """The next stop reply; console output on the way is kept. `TargetTimeout` while the guest runs on."""
        deadline = time.monotonic() + timeout
        while True:
            payload = self.stray_stops.popleft() if self.stray_stops else self._payload(deadline)
            if is_stop_reply(payload):
                return self._last(payload, is_stop_reply)
            if is_output(payload):
                self._keep_output(payload)

    # -- line --------------------------------------------------------------------------------------------

    def acknowledge(self) -> None:
        """Send a lone `+` with the next packet."""
        self._connection.acknowledge()

    def stop_acks(self) -> None:
        """The stub answered QStartNoAckMode with OK."""
        self._flush()
        self._connection.stop_acks()

    @property
    def acks(self) -> bool:
        """Whether packets are acknowledged."""
        return self._connection.acks

    @property
    def unanswered(self) -> bool:
        """True while not even a `+` came for what was sent."""
        return self._connection.unacknowledged > 0

    def provoke(self, data: bytes, timeout: float) -> None:
        """Send bytes that are no packet and take in what comes: whoever does not speak RSP shows itself."""
        self._outgoing += data
        self._write()
        self._receive(self._deadline(timeout))
        self.drain(QUIET)

    def last_will(self, payload: bytes) -> None:
        """A packet for a peer that hangs and will read all this later: nobody waits for its reply."""
        self._outgoing += frame(payload)
        self._write()

    def drain(self, quiet: float) -> None:
        """Take in whatever comes until the line is quiet for `quiet` seconds; stop replies are put aside."""
        self.stray_stops += [payload for payload in self._until_quiet(quiet) if is_stop_reply(payload)]

    @property
    def unsettled(self) -> bool:
        """True after an exchange that did not end: what the stub took of it is not known."""
        return self._lost

    def settle(self) -> None:
        """After an exchange that did not end: finish the packet half sent, swallow what is still owed."""
        if not self._lost:
            return
        self._finish_writing()
        deadline = time.monotonic() + SETTLE
        while self._owed:
            self._reply(deadline)
        self.drain(QUIET)
        self._connection.forget()
        self._lost = False

    def abandon(self) -> None:
        """Forget all debts: the caller is about to leave and only wants to be understood."""
        self._finish_writing()
        self._owed.clear()
        self._connection.forget()
        self._lost = False

    def _finish_writing(self) -> None:
        """What an interruption left unwritten goes first: a packet cut short would swallow the next one."""
        if self._outgoing:
            self._write()

    def _flush(self) -> None:
        self._outgoing += self._connection.data_to_send()
        self._write()

    def _write(self) -> None:
        with self._writing:
            while self._outgoing:
                del self._outgoing[: self.line.write_some(bytes(self._outgoing))]
        self.spoke_at = time.monotonic()

    def share_writing(self, lock: AbstractContextManager[object]) -> None:
        """From now on another thread calls `heartbeat`."""
        self._writing = lock

    def heartbeat(self) -> None:
        """Write a lone `+`, unless a packet is half sent. The one method that another thread may call."""
        with self._writing:
            if not self._outgoing:
                self.line.write_some(b"+")
                self.spoke_at = time.monotonic()

    def start_over(self) -> None:
        """The stub has ended our session: back to acknowledging, as for a new client."""
        self._connection.acks = True
        self._connection.forget()
        self._connection.acknowledge()

    def _deadline(self, timeout: float | None) -> float:
        return time.monotonic() + (self.timeout if timeout is None else timeout)

    def _payload(self, deadline: float) -> bytes:
        while not self._inbox:
            self._receive(deadline)
        return self._inbox.popleft()

    def _receive(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TargetTimeout(f"{self.line.name} did not answer in time")
        try:
            data = self.line.read_some(left if self.line.reliable else min(left, REPEAT))
        except TargetTimeout:
            if self.line.reliable:
                raise
            self._connection.retransmit()
            self._flush()
            return
        if len(self.head) < HEAD:
            self.head += data[: HEAD - len(self.head)]
        for event in self._connection.receive_data(data):
            self._take(event)
        self._flush()
        if self._gather and len(data) < FEW and not self._inbox:
            time.sleep(self._gather)

    def _take(self, event: Event) -> None:
        if isinstance(event, Packet):
            self._inbox.append(event.payload)
        elif isinstance(event, Junk):
            self._take_junk(event.raw)
        elif isinstance(event, Damaged) and not self._connection.acks:
            raise RemoteProtocolError(f"{self.line.name} sent a damaged packet: '{as_text(event.raw, 60)}'")
        elif isinstance(event, Notification):
            pass  # all-stop clients ignore notifications, as gdb and LLDB do

    def _take_junk(self, raw: bytes) -> None:
        if len(self.junk) < HEAD:
            self.junk += raw[: HEAD - len(self.junk)]

    def close(self) -> None:
        """Close the line; no packet is sent."""
        self.line.close()


def is_output(payload: bytes) -> bool:
    """Console output: `O` and hexadecimal digits (`OK` is none)."""
    return payload[:1] == b"O" and is_hex(payload[1:]) and len(payload) % 2 == 1


def require(supported: bool, what: str) -> None:
    """`LocalProtocolError` for what the stub did not offer."""
    if not supported:
        raise LocalProtocolError(f"this stub does not offer {what}")
