"""A piece of code that probes run the guest over, in place of its own; all is put back afterwards.

The thread that stopped is set on it with interrupts off, and the other threads stand: so nobody else runs it.
It stores to the scratch memory what lies there already, and loads that again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from unidbg.conform.guest import Guest
from unidbg.conform.outcome import Outcome, wrong
from unidbg.errors import TargetError, TargetTimeout
from unidbg.rsp.stop import StopReply, parse_stop_reply

STORE, LOAD = b"\x48\x89\x08", b"\x48\x8b\x00"  # mov [rax], rcx; mov rax, [rax]
NOP = b"\x90"
CODE = NOP * 3 + STORE + NOP + LOAD + NOP * 2
"""Offsets: 0, 1, 2 nop; 3 store; 6 nop; 7 load; 10, 11 nop; then the end."""
AFTER_STORE, AFTER_LOAD, LAST = 6, 10, 11
BREAKPOINT, SELF_LOOP = b"\xcc", b"\xeb\xfe"
"""What the code ends in. Our stub is not reached with interrupts off, and catches the former."""
HALT = b"\xf4"
INTERRUPTS = 0x200
PATIENCE = 2.0


class Track:
    """The guest on the code. `at` is its first address, `data` the memory that it stores to."""

    def __init__(self, guest: Guest, at: int, data: int) -> None:
        self.guest = guest
        self.at = at
        self.data = data
        self._registers = guest.target.registers
        self._word = int.from_bytes(guest.peek(data, 8) or b"", "little")

    def begin(self) -> None:
        """Back to the first instruction."""
        flags = "eflags" if "eflags" in self.guest.registers else "rflags"
        before = self.guest.registers[flags] or 0
        wanted = {"rip": self.at, "rax": self.data, "rcx": self._word, flags: before & ~INTERRUPTS}
        for name, value in wanted.items():
            self._registers.write("", name, value)

    @property
    def pc(self) -> int:
        """As an offset into the code."""
        return self._value("rip") - self.at

    def _value(self, name: str) -> int:
        layout = self._registers.layout
        spec = layout.by_name[name]
        reply = self.guest.ask(b"g")
        position = 2 * sum(other.size for other in layout.registers if other.number < spec.number)
        return layout.value(bytes.fromhex(reply[position : position + 2 * spec.size].decode("ascii")))

    def run(self, packet: bytes) -> StopReply:
        """Send what resumes, and wait for the stop. A guest that does not stop is broken in to."""
        link = self.guest.target.link
        link.settle()
        link.stray_stops.clear()
        link.start(packet)
        try:
            return parse_stop_reply(link.stop_reply(PATIENCE))
        except TargetTimeout:
            link.interrupt()
            link.stop_reply(PATIENCE)
            raise

    def go(self) -> StopReply:
        """Continue, this thread alone."""
        return self.run(self.vcont(b"c"))

    def step(self) -> StopReply:
        """One instruction."""
        return self.run(self.vcont(b"s"))

    def vcont(self, action: bytes) -> bytes:
        """The action for this thread; the others stand, where the stub can do that."""
        if "c" in self.guest.target.stub.vcont and self.guest.thread:
            return b"vCont;%b:%b" % (action, self.guest.thread.encode())
        return action


def obstacle(guest: Guest) -> Outcome | None:
    """Why code cannot be tried here, `None` if it can."""
    if guest.architecture != "x86_64":
        return Outcome("untested", f"there is no code for {guest.architecture or 'this architecture'}")
    if not guest.may_run:
        return Outcome("untested", "the guest stood when we came")
    if len(guest.threads) > 1 and "c" not in guest.target.stub.vcont:
        return Outcome("untested", "other threads would run, too")
    if guest.pc is None or guest.scratch is None or guest.peek(guest.pc, 32) is None:
        return Outcome("untested", "no memory at the pc or below the stack")
    return None


def awake(guest: Guest) -> None:
    """Let a CPU that sleeps in `hlt` wake: hypervisors do not run one that was moved elsewhere."""
    if guest.kind == "unidbg" or guest.pc is None or guest.peek(guest.pc - 1, 1) != HALT:
        return
    place = b"%d,%x,1" % (0, guest.pc)
    if guest.ask(b"Z" + place) != b"OK":
        return
    try:
        Track(guest, guest.pc, guest.scratch or 0).go()
    finally:
        guest.ask(b"z" + place)
        guest.moved()


@contextmanager
def on_track(guest: Guest) -> Iterator[Track]:
    """The code is there, and the guest at its beginning. Afterwards memory and registers are as before."""
    assert guest.pc is not None
    assert guest.scratch is not None
    before: Mapping[str, int | None] = dict(guest.registers)
    code = CODE + (BREAKPOINT if guest.kind == "unidbg" else SELF_LOOP)
    track = Track(guest, guest.pc, guest.scratch)
    with guest.kept(guest.pc, len(code)):
        if guest.poke(guest.pc, code) != b"OK" or guest.peek(guest.pc, len(code)) != code:
            raise TargetError("code cannot be written")
        try:
            track.begin()
            yield track
        finally:
            for name in ("rip", "rax", "rcx", "eflags", "rflags"):
                value = before.get(name)
                if value is not None:
                    guest.target.registers.write("", name, value)


def tried(guest: Guest, attempt: Callable[[Track], Outcome]) -> Outcome:
    """`attempt` on the code, or why not."""
    stands = obstacle(guest)
    if stands is not None:
        return stands
    awake(guest)
    with on_track(guest) as track:
        try:
            return attempt(track)
        except TargetTimeout:
            return wrong("the guest did not stop")
