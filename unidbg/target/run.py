"""Run control over RSP: break in, resume, step, wait, breakpoints, monitor commands.

The state is kept so that whoever interrupts us (Ctrl-C) between two bytes finds one that `resume` and `close`
can go on from: `STOPPING` is a guest that was told to stop and has not said so yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from unidbg.errors import LocalProtocolError, TargetError, TargetGone, TargetRunning, TargetTimeout
from unidbg.rsp.replies import error_text, is_error, is_hex, unhex
from unidbg.rsp.stop import StopReply, parse_stop_reply
from unidbg.target.base import StopReason
from unidbg.target.link import Link
from unidbg.target.reasons import explain
from unidbg.target.stub import Stub

FOREVER = 10 * 365 * 86400.0
INTERRUPTED = frozenset({0, 2})
"""Signals of a stop that we asked for: any other means that the guest stopped of its own accord."""

SOFTWARE_KINDS = {"aarch64": 4, "arm": 4, "riscv64": 4}
"""The `kind` of Z0 per architecture: bytes of the breakpoint instruction; 1 elsewhere."""


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
        self._state = State.STOPPED
        self._reason: StopReason | None = None
        self._stopped_at = time.monotonic_ns()
        self._breakpoints: set[int] = set()
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

    @property
    def breakpoints(self) -> frozenset[int]:
        """Addresses of the breakpoints that we inserted."""
        return frozenset(self._breakpoints)

    def begin_stopped(self, reply: StopReply | None, since_ns: int) -> None:
        """How the guest was found: standing, with this stop reply if the stub gave one."""
        self._stopped_at = since_ns
        if reply is None:
            self._reason = StopReason("", 0, "unknown", "the guest stood already")
        else:
            self._enter_stop(reply)
            self._stopped_at = since_ns

    # -- stop and go -------------------------------------------------------------------------------------

    def stop(self) -> StopReason:
        """Break in. A guest that stands already answers at once. `TargetTimeout` if it does not obey."""
        if self._state is State.RUNNING:
            self._link.settle()
            self._state = State.STOPPING
            self._link.interrupt()
        if self._state is State.STOPPING:
            self._await_stop(self._link.timeout)
        return self._standing()

    def resume(self) -> None:
        """Let the guest go on. The step off a breakpoint of ours is made here."""
        if self._state is State.STOPPING:
            self._await_stop(self._link.timeout)
        if self._state is State.RUNNING:
            return
        thread = self._standing().thread
        if self._stub.kind == "rsp" and self._breakpoints:
            self._step_off(thread)
        self._go(b"vCont;c" if "c" in self._stub.vcont else b"c")

    def step(self, thread: str) -> StopReason:
        """One instruction of one thread; the others stand."""
        self._need_stopped("step")
        self._go(self._step_packet(thread))
        self._await_stop(self._link.timeout, stepping=True)
        return self._standing()

    def wait(self, timeout: float | None = None) -> StopReason:
        """Until the guest stops. `TargetTimeout` when `timeout` seconds have passed; it then runs on."""
        if self.running:
            self._await_stop(FOREVER if timeout is None else timeout)
        return self._standing()

    @contextmanager
    def stopped(self) -> Iterator[StopReason]:
        """The guest stands inside the block. It goes on afterwards if it ran, unless it stopped by itself."""
        ran = self.running
        try:
            yield self.stop()
        finally:
            if ran and self._state is not State.GONE and not self._stopped_by_itself():
                self.resume()

    def _stopped_by_itself(self) -> bool:
        return (
            self._state is State.STOPPED
            and self._reason is not None
            and self._reason.signal not in INTERRUPTED
        )

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
            raise TargetTimeout(self._why_silent(timeout)) from None
        except TargetGone:
            self._state = State.GONE
            raise
        self._enter_stop(parse_stop_reply(payload), stepping=stepping)

    def _why_silent(self, timeout: float) -> str:
        if self._state is State.STOPPING:
            return (
                f"the guest did not obey a break-in on {self._link.line.name} for {timeout:.0f} s: "
                "it runs with interrupts off, or its stub cannot be interrupted"
            )
        return f"the guest did not stop within {timeout:.1f} s"

    def _enter_stop(self, reply: StopReply, *, stepping: bool = False) -> None:
        self._stopped_at = time.monotonic_ns()
        self._state = State.GONE if reply.kind in ("exited", "terminated") else State.STOPPED
        self._reason = explain(reply, stepping=stepping, breakpoints=bool(self._breakpoints))
        self._on_stop(reply)

    def _standing(self) -> StopReason:
        if self._state is State.GONE:
            raise TargetGone(self._reason.text if self._reason else "the guest has ended")
        assert self._reason is not None
        return self._reason

    def _need_stopped(self, what: str) -> None:
        if self.running:
            raise TargetRunning(f"{what} needs a stopped guest: stop it first")
        self._standing()

    # -- breakpoints -------------------------------------------------------------------------------------

    def insert_breakpoint(self, address: int) -> None:
        """A software breakpoint (Z0); it is removed when the target is closed. Inserting twice is once."""
        with self.stopped():
            self._breakpoint(b"Z0", address)
            self._breakpoints.add(address)

    def remove_breakpoint(self, address: int) -> None:
        """Remove one of ours; one that is not there is no error."""
        if address in self._breakpoints:
            with self.stopped():
                self._breakpoint(b"z0", address)
                self._breakpoints.discard(address)

    def _breakpoint(self, verb: bytes, address: int) -> None:
        architecture = self._stub.layout.architecture if self._stub.layout else ""
        kind = SOFTWARE_KINDS.get(architecture, 1)
        reply = self._link.request(b"%b,%x,%x" % (verb, address, kind))
        if not reply:
            raise LocalProtocolError("this stub sets no breakpoints")
        if reply != b"OK":
            raise TargetError(f"breakpoint at {address:#x}: {error_text(reply)}")

    def _step_off(self, thread: str) -> None:
        """Generic stubs stop again at a breakpoint under the program counter: step with all of ours out."""
        ours = sorted(self._breakpoints)
        for address in ours:
            self._breakpoint(b"z0", address)
        self._go(self._step_packet(thread))
        self._await_stop(self._link.timeout, stepping=True)
        for address in ours:
            self._breakpoint(b"Z0", address)

    def _step_packet(self, thread: str) -> bytes:
        if "s" in self._stub.vcont and thread:
            return b"vCont;s:" + thread.encode("ascii")
        return b"s"

    # -- monitor -----------------------------------------------------------------------------------------

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
