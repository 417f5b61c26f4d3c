"""Run control over RSP: break in, resume, step, wait, breakpoints, monitor commands.

The state is kept so that whoever interrupts us (Ctrl-C) between two bytes finds one that `resume` and `close`
can go on from: `STOPPING` is a guest that was told to stop and has not said so yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum

from unidbg.errors import (
    LocalProtocolError,
    RemoteProtocolError,
    TargetError,
    TargetGone,
    TargetRunning,
    TargetTimeout,
)
from unidbg.rsp.replies import error_text, is_error, is_hex, unhex
from unidbg.rsp.stop import StopReply, parse_stop_reply
from unidbg.rsp.unidbgstub import STOOD_QUERY, STOP_QUERY, look_request, parse_stood
from unidbg.target.base import StopReason
from unidbg.target.breakin import LEASE, BreakIn, Interrupt, PacketBreakIn, Stopped
from unidbg.target.breakpoints import Breakpoints
from unidbg.target.heartbeat import Heartbeat
from unidbg.target.link import Link
from unidbg.target.stub import Stub

GIVING_UP = 0.2
"""Seconds that a break-in may still take once it was interrupted or has failed."""
FOREVER = 10 * 365 * 86400.0


class State(Enum):
    """What the guest does, as far as we were told."""

    STOPPED = "stopped"
    RUNNING = "running"
    STOPPING = "stopping"
    GONE = "gone"


class RspRun:
    """Run control of one stub. `last_stop_ns` is how long the guest stood at the last stop that we ended."""

    def __init__(self, link: Link, stub: Stub, on_stop: Callable[[StopReply], None]) -> None:
        self._link = link
        self._stub = stub
        self._on_stop = on_stop
        self._break_in: BreakIn = PacketBreakIn(link, stub) if stub.kind == "unidbg" else Interrupt(link)
        self._state = State.STOPPED
        self._reason = StopReason("", 0, "unknown", "the guest stood already")
        self._by_itself = False
        self._stopped_at = time.monotonic_ns()
        self._heartbeat = Heartbeat(link, LEASE / 3)
        self.breakpoints = Breakpoints(link, stub)
        self.generation = 0
        self.last_stop_ns: int | None = None

    # -- state -------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """True while the guest executes."""
        return self._state in (State.RUNNING, State.STOPPING)

    @property
    def state(self) -> State:
        """The state, in full."""
        return self._state

    @property
    def stop_reason(self) -> StopReason | None:
        """The last stop, `None` while running."""
        return None if self.running else self._reason

    def begin(self, reply: bytes | None, since_ns: int) -> bool:
        """Take note of how the guest was found; it stands by now. True if our coming stopped it.

        `reply` is the stop reply that the stub sent, `None` where it sent none.
        """
        coming = False
        if isinstance(self._break_in, PacketBreakIn) and self._stub.found is not None:
            coming = self._enter(self._break_in.tell(*self._stub.found)).by_coming
        elif reply is not None:
            self._told(parse_stop_reply(reply))
        self._stopped_at = since_ns
        return coming

    # -- stop and go -------------------------------------------------------------------------------------

    def stop(self) -> StopReason:
        """Break in and stay. A guest that stands answers at once; `TargetTimeout` if it does not obey."""
        self._halt()
        self._beat(True)
        return self._standing()

    def resume(self) -> None:
        """Let the guest go on. The step off a breakpoint of ours is made here where the stub needs it."""
        if self._state is State.STOPPING:
            self._halt()
        if self._state is State.RUNNING:
            return
        thread = self._standing().thread
        if self._stub.kind == "rsp" and len(self.breakpoints):
            self._step(thread)
        self._beat(len(self.breakpoints) > 0)
        self._go(b"vCont;c" if "c" in self._stub.vcont else b"c")

    def step(self, thread: str) -> StopReason:
        """One instruction of one thread; the others stand."""
        if self.running:
            raise TargetRunning("a step needs a stopped guest: stop it first")
        self._standing()
        self._beat(True)
        self._step(thread)
        return self._standing()

    def wait(self, timeout: float | None = None) -> StopReason:
        """Until the guest stops. `TargetTimeout` when `timeout` seconds have passed; it then runs on."""
        if self.running:
            self._beat(True)
            self._await_stop(FOREVER if timeout is None else timeout)
        return self._standing()

    @contextmanager
    def stopped(self) -> Iterator[StopReason]:
        """The guest stands inside the block. It goes on afterwards if it ran, unless it stopped by itself."""
        ran = self.running
        try:
            self._halt()
            yield self._standing()
        except KeyboardInterrupt:
            with suppress(TargetError, RemoteProtocolError):  # what cannot be done now, `close` does
                self._go_on(ran)
            raise
        except BaseException:
            self._go_on(ran)
            raise
        else:
            self._go_on(ran)

    def _go_on(self, ran: bool) -> None:
        """After a stop of ours. One that was not confirmed is given up soon: `close` sees to the rest."""
        if self._state is State.STOPPING:
            with suppress(TargetTimeout):
                self._confirm(GIVING_UP)
        if ran and self._state is State.STOPPED and not self._by_itself:
            self.resume()

    def _halt(self) -> None:
        if self._state is State.RUNNING:
            self._state = State.STOPPING
            self._break_in.send()
        if self._state is State.STOPPING:
            self._confirm(self._link.timeout)

    def _confirm(self, timeout: float) -> None:
        try:
            self._enter(self._break_in.confirm(timeout))
        except TargetTimeout:
            raise TargetTimeout(
                f"the guest did not obey a break-in on {self._link.line.name} for {timeout:.0f} s: "
                "it runs with interrupts off, or its stub cannot be interrupted"
            ) from None
        except TargetGone:
            self._state = State.GONE
            raise

    @property
    def can_sweep(self) -> bool:
        """Whether `sweep` works now: our stub, reached lately, with the guest running."""
        way = self._break_in
        return (
            isinstance(way, PacketBreakIn)
            and self._state is State.RUNNING
            and "qUnidbgStood" in self._stub.features
            and not self._link.acks
            and not way.lapsed
            and not self._stub.deaf
        )

    def sweep(self, packets: Sequence[bytes]) -> tuple[list[bytes], StopReason, int] | None:
        """Stop, send `packets`, go on: one write. Their replies, the stop, and its length in ns by the guest.

        The guest goes on before we have seen an answer, so an interruption leaves it running. If it stopped
        by itself meanwhile, it stays, and so does our state. `None`: it did not hear us, and an NMI was
        needed; it goes on, and nothing was read.
        """
        parts = (STOP_QUERY, b"?", *packets)
        try:
            stop, again, *replies, stood = self._link.sweep(look_request(parts), parts, STOOD_QUERY)
        except TargetTimeout:
            if self._stub.nmi is None:
                raise
            with self.stopped():
                return None
        self.generation += 1
        assert isinstance(self._break_in, PacketBreakIn)
        stopped = self._enter(self._break_in.tell(stop, again))
        if stopped.by_coming:
            self._state = State.RUNNING
        self.last_stop_ns = parse_stood(stood)
        return replies, stopped.reason, self.last_stop_ns or 0

    def _go(self, packet: bytes) -> None:
        """Send a packet that makes the guest run. The state changes first: see the module's docstring."""
        self._link.settle()
        self._state = State.RUNNING
        self.generation += 1
        self._link.start(packet)
        self.last_stop_ns = time.monotonic_ns() - self._stopped_at

    def _await_stop(self, timeout: float, *, stepping: bool = False) -> None:
        try:
            payload = self._link.stop_reply(timeout)
        except TargetTimeout:
            raise TargetTimeout(f"the guest did not stop within {timeout:.1f} s") from None
        except TargetGone:
            self._state = State.GONE
            raise
        self._told(parse_stop_reply(payload), stepping=stepping)

    def _told(self, reply: StopReply, *, stepping: bool = False) -> None:
        breakpoints = len(self.breakpoints) > 0
        self._enter(self._break_in.explain(reply, stepping=stepping, breakpoints=breakpoints))

    def _enter(self, stopped: Stopped) -> Stopped:
        self._stopped_at = time.monotonic_ns()
        ended = stopped.reply.kind in ("exited", "terminated")
        self._state = State.GONE if ended else State.STOPPED
        self._reason = stopped.reason
        self._by_itself = stopped.by_itself
        self._on_stop(stopped.reply)
        return stopped

    def _standing(self) -> StopReason:
        if self._state is State.GONE:
            raise TargetGone(self._reason.text)
        return self._reason

    def _step(self, thread: str) -> None:
        """Generic stubs stop again at a breakpoint under the program counter: step with all of ours out."""
        lifted = self.breakpoints.lift() if self._stub.kind == "rsp" else []
        self._go(self._step_packet(thread))
        self._await_stop(self._link.timeout, stepping=True)
        self.breakpoints.put_back(lifted)

    def _step_packet(self, thread: str) -> bytes:
        if "s" in self._stub.vcont and thread:
            return b"vCont;s:" + thread.encode("ascii")
        return b"s"

    # -- breakpoints and monitor -------------------------------------------------------------------------

    def insert_breakpoint(self, address: int) -> None:
        """A software breakpoint; it is removed when the target is closed. Inserting twice is once."""
        with self.stopped():
            self.breakpoints.insert(address)

    def remove_breakpoint(self, address: int) -> None:
        """Remove one of ours; one that is not there is no error."""
        if address in self.breakpoints:
            with self.stopped():
                self.breakpoints.remove(address)

    def monitor(self, command: str) -> str:
        """`qRcmd`: what the stub's command prints. `LocalProtocolError` if the stub has no such thing."""
        with self.stopped():
            self._link.take_output()
            reply = self._link.request(b"qRcmd," + command.encode("utf-8").hex().encode("ascii"))
        output = self._link.take_output()
        if not reply:
            raise LocalProtocolError(f"the stub knows no monitor command {command!r}")
        if is_error(reply):
            raise TargetError(f"monitor {command}: {error_text(reply)}")
        if reply != b"OK" and is_hex(reply):
            output += unhex(reply, "monitor output")
        return output.decode("utf-8", "replace")

    # -- lease -------------------------------------------------------------------------------------------

    def _beat(self, wanted: bool) -> None:
        """Keep our stub's lease alive: the guest stays as the user left it for as long as we live."""
        if self._stub.lease:
            self._heartbeat.want(wanted)

    def end(self) -> None:
        """No more heartbeats."""
        self._heartbeat.end()
