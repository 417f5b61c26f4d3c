"""A guard process: lets the guest go on when we are killed while it stands.

QEMU's gdbstub leaves a guest stopped when its client vanishes, and stops it at each connect. So the socket
is shared with a small shell that waits for our end: if we die without saying goodbye, it completes a packet
that may be half sent, detaches, and is gone. Our own stub needs no guard: it has the lease.
"""

from __future__ import annotations

import os
from contextlib import suppress

from unidbg.rsp.framing import frame

SHELL = "/bin/sh"
GOODBYE = b"bye\n"
RESYNCHRONISE = b"#00#00+"
"""Ends a packet that was cut short in whatever state its receiver is; outside of a packet it is noise."""


class Guard:
    """The guard of one connection. Does nothing where the host has no `posix_spawn` or no shell."""

    def __init__(self, fd: int, farewell: tuple[bytes, ...]) -> None:
        self._pid = 0
        self._pipe = -1
        if fd >= 0 and hasattr(os, "posix_spawn") and os.access(SHELL, os.X_OK):
            self._start(fd, RESYNCHRONISE + b"".join(frame(packet) for packet in farewell))

    def _start(self, fd: int, farewell: bytes) -> None:
        octal = "".join(f"\\{code:03o}" for code in farewell)
        script = f"trap '' INT HUP TERM QUIT TSTP; read word; [ \"$word\" ] || printf '{octal}' >&3"
        reader, self._pipe = os.pipe()
        try:
            self._pid = os.posix_spawn(
                SHELL,
                [SHELL, "-c", script],
                {"PATH": "/usr/bin:/bin"},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, reader, 0),
                    (os.POSIX_SPAWN_DUP2, fd, 3),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                setpgroup=0,
            )
        except OSError:
            self._pipe = self._drop(self._pipe)
        finally:
            os.close(reader)

    def _drop(self, fd: int) -> int:
        os.close(fd)
        return -1

    def dismiss(self) -> None:
        """We leave in order: the guard ends without a word. Idempotent."""
        if self._pipe < 0:
            return
        pipe, self._pipe = self._pipe, -1
        with suppress(OSError):
            os.write(pipe, GOODBYE)
        os.close(pipe)
        os.waitpid(self._pid, 0)
