"""Software breakpoints of ours (Z0): which there are, and the packets that set and remove them."""

from __future__ import annotations

from unidbg.errors import LocalProtocolError, TargetError
from unidbg.rsp.replies import error_text
from unidbg.target.link import Link
from unidbg.target.stub import Stub

SIZES = {"aarch64": 4, "arm": 4, "riscv64": 4}
"""The `kind` of Z0 per architecture: bytes of the breakpoint instruction; 1 elsewhere."""


class Breakpoints:
    """The breakpoints that this client set; all methods need a standing guest."""

    def __init__(self, link: Link, stub: Stub) -> None:
        self._link = link
        self._stub = stub
        self._addresses: set[int] = set()

    def __len__(self) -> int:
        return len(self._addresses)

    def __contains__(self, address: object) -> bool:
        return address in self._addresses

    def insert(self, address: int) -> None:
        """Set one. It counts as ours before it is sent: an interruption must not leave it behind."""
        self._addresses.add(address)
        try:
            self._send(b"Z0", address)
        except (LocalProtocolError, TargetError):
            self._addresses.discard(address)
            raise

    def remove(self, address: int) -> None:
        """Remove one of ours; one that is not there is no error."""
        if address in self._addresses:
            self._send(b"z0", address)
            self._addresses.discard(address)

    def remove_all(self) -> None:
        """Remove ours."""
        for address in sorted(self._addresses):
            self.remove(address)

    def lift(self) -> list[int]:
        """Take all out for a moment; `put_back` undoes it."""
        lifted = sorted(self._addresses)
        for address in lifted:
            self._send(b"z0", address)
        return lifted

    def put_back(self, lifted: list[int]) -> None:
        """Insert what `lift` took out."""
        for address in lifted:
            self._send(b"Z0", address)

    def _send(self, verb: bytes, address: int) -> None:
        architecture = self._stub.layout.architecture if self._stub.layout else ""
        reply = self._link.request(b"%b,%x,%x" % (verb, address, SIZES.get(architecture, 1)))
        if not reply:
            raise LocalProtocolError("this stub sets no breakpoints")
        if reply != b"OK":
            raise TargetError(f"breakpoint at {address:#x}: {error_text(reply)}")
