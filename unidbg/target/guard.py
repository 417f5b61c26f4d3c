"""Lets the guest go on when we are killed while it stands.

QEMU's gdbstub leaves a guest stopped when its client vanishes, and stops it at each connect. So the socket
is shared with a small shell that waits for our end: if we die without saying goodbye, it completes a packet
that may be half sent, detaches, and is gone. Our own stub needs no guard: it has the lease.
"""

from __future__ import annotations

from unidbg.rsp.framing import frame
from unidbg.transport.lastwill import LastWill

RESYNCHRONISE = b"#00#00+"
"""Ends a packet that was cut short in whatever state its receiver is; outside of a packet it is noise."""


class Guard:
    """The guard of one connection; none where there is no descriptor to share."""

    def __init__(self, fd: int, farewell: tuple[bytes, ...]) -> None:
        packets = RESYNCHRONISE + b"".join(frame(packet) for packet in farewell)
        octal = "".join(f"\\{code:03o}" for code in packets)
        self._will = LastWill(f"printf '{octal}' >&3", fd) if fd >= 0 else None

    def dismiss(self) -> None:
        """We leave in order: the guard ends without a word. Idempotent."""
        if self._will is not None:
            self._will.revoke()

    def act(self) -> None:
        """Our own farewell was not answered in time: the guard says it again. Idempotent."""
        if self._will is not None:
            self._will.fulfil()
