"""A live guest behind a GDB stub: ours, QEMU's, or any other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from unidbg.errors import RemoteProtocolError, TargetError, TargetTimeout
from unidbg.rsp.replies import parse_offsets
from unidbg.rsp.stop import StopReply
from unidbg.rsp.threads import parse_current_thread, plain_thread_id
from unidbg.rsp.unidbgstub import lease_request
from unidbg.target.base import Glance, MemoryRegion, Range, StopReason, ThreadInfo
from unidbg.target.glance import glance
from unidbg.target.guard import Guard
from unidbg.target.handshake import fetch_document, pending_stop, shake_hands
from unidbg.target.link import Link
from unidbg.target.memory import RspMemory
from unidbg.target.memorymap import parse_memory_map
from unidbg.target.registers import RspRegisters
from unidbg.target.rereading import Rereading
from unidbg.target.run import RspRun, State
from unidbg.target.selection import Selection
from unidbg.target.stub import PHYSICAL_OFF, Nmi, Stub
from unidbg.target.threadlist import read_threads

BLOCKS = {"qemu": 1024, "unidbg": 256}
"""Bytes of a cache block: what costs little more than a round trip on the usual line of that stub."""
QUIET = 0.1
"""Seconds of silence after which a stub has said all that it had to say."""
LEAVING = 0.5
"""Seconds that each packet of a farewell may take."""


class RspTarget:
    """A guest behind a stub (see `Target`). Made by `attach`; a context manager."""

    def __init__(self, url: str, link: Link, stub: Stub, since_ns: int) -> None:
        self.url = url
        self.link = link
        self.stub = stub
        self.kind = stub.kind
        self.selection = Selection(link)
        self.current_thread = ""
        self.run = RspRun(link, stub, self._stopped)
        self.memory = RspMemory(self, block=BLOCKS.get(stub.kind, 512))
        self.physical = RspMemory(self, physical=True, block=1024) if stub.physical else None
        self.registers = RspRegisters(self)
        self.rereading = Rereading()
        self._threads: tuple[int, list[ThreadInfo]] | None = None
        self._regions: Sequence[MemoryRegion] | None = None
        self._ran_before = False
        self._closed = False
        self._guard: Guard | None = None
        self.afterwards: Callable[[], None] | None = None
        """What is to be done once the line is closed."""
        self.note = ""
        """What the user should know of the way in."""
        self._since_ns = since_ns

    # -- attach ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Learn whether the guest stood when we came; let it go on at once if it ran."""
        reply = pending_stop(self.link)
        if self.kind == "qemu":
            self._guard = Guard(self.link.line.fileno(), (PHYSICAL_OFF, b"D;1"))
            self._ran_before = reply is not None
        elif reply is None and self.kind == "rsp":
            reply = self.link.request(b"?")
        self._ran_before |= self.run.begin(reply, self._since_ns)
        if not self.current_thread:
            self.current_thread = self._ask_current_thread()
            self.selection.reset(self.current_thread)
        if self._ran_before:
            self.run.resume()

    def _ask_current_thread(self) -> str:
        if self.stub.silent:
            return ""
        return plain_thread_id(parse_current_thread(self.link.request(b"qC")) or "")

    def _stopped(self, reply: StopReply) -> None:
        self.current_thread = plain_thread_id(reply.thread) or self.current_thread
        self.selection.reset(self.current_thread)

    # -- what a target has -------------------------------------------------------------------------------

    @property
    def access(self) -> str:
        """`rsp`, or `rsp+nmi` for a guest that has interrupts off and is stopped past its stub's line."""
        return "rsp+nmi" if self.stub.deaf else "rsp"

    @property
    def architecture(self) -> str:
        """The guest's architecture, as the stub describes it or as its registers tell by their size."""
        if not self.stub.architecture and self.stub.layout is None and not self._closed:
            self._learn_layout()
        return self.stub.architecture or (self.stub.layout.architecture if self.stub.layout else "")

    def _learn_layout(self) -> None:
        try:
            self.registers.read("")
        except (TargetError, RemoteProtocolError):
            return

    @property
    def generation(self) -> int:
        """Grows at each resume."""
        return self.run.generation

    @property
    def consistent(self) -> bool:
        """True while the guest stands."""
        return not self.run.running

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the guest stands, `None` while it runs."""
        return self.run.stop_reason

    def threads(self) -> Sequence[ThreadInfo]:
        """All threads, or vCPUs of a stub that knows no others; kept for one stop."""
        if self._threads is None or self._threads[0] != self.generation:
            with self.run.stopped():
                self._threads = (self.generation, read_threads(self.link, self.stub, self.current_thread))
        return list(self._threads[1])

    def glance(
        self, ranges: Sequence[Range], *, threads: bool, registers: bool, loose: bool = False
    ) -> Glance | None:
        """Stop, read, go on, all in one write (our stub alone). `None` where that cannot be done now."""
        return glance(self, ranges, threads, registers, loose)

    @property
    def found_running(self) -> bool:
        """Whether it was our coming that stopped the guest. A generic stub does not tell: False."""
        return self._ran_before

    def memory_map(self) -> Sequence[MemoryRegion]:
        """What the stub says of its memory; asked once."""
        if self._regions is None:
            document = None
            if "qXfer:memory-map:read" in self.stub.features:
                with self.run.stopped():
                    document = fetch_document(self.link, self.stub, "memory-map")
            self._regions = parse_memory_map(document) if document else ()
        return self._regions

    def exec_file(self) -> str | None:
        """The image as the stub names it."""
        if "qXfer:exec-file:read" not in self.stub.features:
            return None
        with self.run.stopped():
            document = fetch_document(self.link, self.stub, "exec-file")
        return document.decode("utf-8", "replace") if document else None

    def bias(self) -> int | None:
        """How far the image has moved, as our stub says; one that did not move itself is not spoken of."""
        if self.kind != "unidbg":
            return None
        with self.run.stopped():
            return parse_offsets(self.link.request(b"qOffsets"))

    # -- leaving -----------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave the guest as it was found: breakpoints of ours removed, running if it ran. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self.link.timeout = min(self.link.timeout, LEAVING)
        heard = False
        try:
            heard = self._say_goodbye()
        except KeyboardInterrupt:
            heard = self._say_goodbye()  # it came in the middle: the guest is let go first
            raise
        finally:
            self.run.end()
            if self._guard and (heard or not self._goes_on):
                self._guard.dismiss()
            elif self._guard:
                self._guard.act()
            self.link.close()
            if self.afterwards:
                self.afterwards()

    def _say_goodbye(self) -> bool:
        """Whether it was heard."""
        with suppress(TargetError, RemoteProtocolError):  # a dead line: there is nobody to hear it
            self._leave()
            return True
        return False

    @property
    def _goes_on(self) -> bool:
        """Whether the guest is to run when we have left."""
        return self.run.state is not State.GONE and (self.run.running or self._ran_before)

    def _leave(self) -> None:
        if self.run.state is State.GONE:
            return
        clean = not self.link.unsettled and self.run.state is not State.STOPPING
        running = self.run.running
        if not clean:
            self._resynchronise()
        elif len(self.run.breakpoints):
            self._remove_breakpoints()
        elif running and (self.kind == "qemu" or self.stub.deaf):
            return  # it goes on running when the line is closed: no need to stop it for that
        elif running and self.kind == "rsp":
            self.run.stop()
        self._let_go(running or self._ran_before)

    def _resynchronise(self) -> None:
        """After an interruption in the middle of something: make the stub listen, whatever state it is in."""
        self.link.abandon()
        self.link.interrupt()
        self.link.drain(QUIET)

    def _remove_breakpoints(self) -> None:
        self.run.stop()
        self.run.breakpoints.remove_all()

    def _let_go(self, ran: bool) -> None:
        """The farewell of each kind of stub. A generic one is never left standing: nobody would wake it."""
        if self.kind == "qemu":
            if ran:
                self.link.request_many((PHYSICAL_OFF, b"D;1"))
        elif self.kind == "unidbg" and not ran:
            self.link.request(lease_request(0))
        elif not self.link.request(b"D"):
            self.run.resume()

    def __enter__(self) -> RspTarget:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def attach(url: str, link: Link, nmi: Nmi | None = None, *, deaf: bool = False) -> RspTarget:
    """Speak to the stub at the other end of `link` and become its client.

    `nmi` stops a guest that does not hear the line; a `deaf` one was stopped by it already.
    """
    since = time.monotonic_ns()
    stub = Stub()
    stub.nmi, stub.deaf = nmi, deaf
    try:
        shake_hands(link, stub)
    except (KeyboardInterrupt, TargetTimeout):
        take_back(link, stub)  # a guest that was only slow to listen finds our packets, then our farewell
        raise
    target = RspTarget(url, link, stub, since)
    try:
        target.begin()
    except BaseException:
        target.close()
        raise
    return target


def take_back(link: Link, stub: Stub) -> None:
    """Interrupted while we were finding out who is there: undo the stop that our coming may have made.

    A QEMU that sent no stop reply had its guest paused already, and keeps it so.
    """
    link.timeout = LEAVING
    with suppress(TargetError, RemoteProtocolError):
        link.abandon()
        link.drain(QUIET)
        came_to_running = pending_stop(link) is not None
        if came_to_running or stub.kind != "qemu":
            link.request(b"D;1" if came_to_running else b"D")
