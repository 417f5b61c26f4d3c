"""The guest as the probes see it: raw packets, and what they need to know to ask sensible things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property

from unidbg.errors import TargetTimeout, UnidbgError
from unidbg.rsp.replies import is_error, is_hex
from unidbg.target.rsptarget import RspTarget

PC = {"x86_64": "rip", "i386": "eip", "aarch64": "pc", "riscv64": "pc", "arm": "pc"}
SP = {"x86_64": "rsp", "i386": "esp", "aarch64": "sp", "riscv64": "sp", "arm": "sp"}
NOWHERE = 0x8000_0000_0000_0000
"""An address that no x86_64 has, and that hardly anybody else maps."""
QUIET = 0.2
"""Seconds in which a late reply may still come."""
BELOW = 1024
"""Bytes below the stack pointer at which probes write: past any red zone."""


class Guest:
    """A standing guest. `raw` is what was found out before the session began, by the name of the probe.

    `may_run`: it ran when we came, or it belongs to a stub under which guests always stand at first.
    """

    def __init__(self, target: RspTarget, raw: Mapping[str, str]) -> None:
        self.target = target
        self.raw = raw
        self.features = target.stub.features
        self.kind = target.kind
        self.may_run = target.found_running or target.kind == "rsp"

    def ask(self, payload: bytes, timeout: float | None = None) -> bytes:
        """One packet, one reply. A stub that gives none is forgiven: the next packet is another matter."""
        try:
            return self.target.link.request(payload, timeout)
        except TargetTimeout:
            self.target.link.abandon()
            self.target.link.drain(QUIET)
            raise

    @cached_property
    def registers(self) -> Mapping[str, int | None]:
        """Of the thread that stopped, when we came; empty where they cannot be read."""
        try:
            return self.target.registers.read("")
        except UnidbgError:
            return {}

    @cached_property
    def architecture(self) -> str:
        """As the stub says, or as its registers tell."""
        return self.target.architecture

    @property
    def pc(self) -> int | None:
        """Where the guest stands."""
        return self.registers.get(PC.get(self.architecture, "pc"))

    @property
    def sp(self) -> int | None:
        """Its stack."""
        return self.registers.get(SP.get(self.architecture, "sp"))

    @cached_property
    def scratch(self) -> int | None:
        """An address at which 64 bytes can be read, below the stack; `None`: there is none."""
        if self.sp is None:
            return None
        address = (self.sp - BELOW) & ~0xF
        return address if address > 0 and self.peek(address, 64) is not None else None

    @cached_property
    def readable(self) -> int | None:
        """An address at which 32 bytes can be read, to try reading on."""
        places = (self.scratch, self.pc, self.sp)
        return next((one for one in places if one is not None and self.peek(one, 32) is not None), None)

    @cached_property
    def thread(self) -> str:
        """The id of the thread that stopped, as the stub writes it."""
        return self.target.current_thread

    @cached_property
    def threads(self) -> list[str]:
        """All ids, as the stub lists them."""
        return [thread.id for thread in self.target.threads()]

    def peek(self, address: int, length: int) -> bytes | None:
        """Memory by `m`; `None` where it is not all there."""
        reply = self.ask(b"m%x,%x" % (address, length))
        if is_error(reply) or not is_hex(reply) or len(reply) != 2 * length:
            return None
        return bytes.fromhex(reply.decode("ascii"))

    def moved(self) -> None:
        """The guest has run: registers are to be read again."""
        for name in ("registers", "scratch", "readable"):
            self.__dict__.pop(name, None)
        self.target.run.generation += 1

    def poke(self, address: int, data: bytes) -> bytes:
        """Write by `M`; the reply."""
        return self.ask(b"M%x,%x:%b" % (address, len(data), data.hex().encode("ascii")))

    @contextmanager
    def kept(self, address: int, length: int) -> Iterator[bytes]:
        """What lies there, and lies there again afterwards."""
        before = self.peek(address, length)
        assert before is not None
        try:
            yield before
        finally:
            if self.peek(address, length) != before:
                self.poke(address, before)
