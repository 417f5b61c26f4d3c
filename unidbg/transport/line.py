"""What every line can do, and lines made of file descriptors (serial devices, child processes)."""

from __future__ import annotations

import os
import select
from typing import Protocol

from unidbg.errors import TargetGone, TargetTimeout

CHUNK = 1 << 16


class Line(Protocol):
    """A stream of bytes to a stub, used by one thread."""

    name: str
    """As the user would write it, for messages."""
    reliable: bool
    """True where nothing is lost or changed and the far end holds us back when it is full."""

    def write_some(self, data: bytes | bytearray | memoryview) -> int:
        """Write what fits now, at least one byte; how many went out. `TargetGone`, `TargetTimeout`."""
        ...

    def read_some(self, timeout: float) -> bytes:
        """At least one byte. `TargetTimeout` after `timeout` seconds, `TargetGone` at the end."""
        ...

    def fileno(self) -> int:
        """The descriptor that bytes are written to."""
        ...

    def close(self) -> None:
        """Let go. Idempotent."""

    def last_words(self) -> str:
        """What the far end said besides (a child's standard error), `""` mostly."""
        ...


class FdLine:
    """A line over a pair of descriptors, which it owns (they may be the same one)."""

    def __init__(self, name: str, read_fd: int, write_fd: int, *, reliable: bool) -> None:
        self.name = name
        self.reliable = reliable
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._open = True
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)

    def write_some(self, data: bytes | bytearray | memoryview) -> int:
        """Wait for room, then write."""
        if not select.select([], [self._write_fd], [], 5.0)[1]:
            raise TargetTimeout(f"{self.name} takes no more data: the far end does not read")
        try:
            return os.write(self._write_fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._gone(error.strerror or "error") from None

    def read_some(self, timeout: float) -> bytes:
        """Wait for data, then read."""
        if not select.select([self._read_fd], [], [], max(timeout, 0.0))[0]:
            raise TargetTimeout(f"{self.name} stayed silent for {timeout:.1f} s")
        try:
            data = os.read(self._read_fd, CHUNK)
        except OSError as error:
            raise self._gone(error.strerror or "error") from None
        if not data:
            raise self._gone("end of stream")
        return data

    def _gone(self, why: str) -> TargetGone:
        words = self.last_words()
        return TargetGone(f"{self.name} is gone: {why}" + (f": {words}" if words else ""))

    def fileno(self) -> int:
        """The descriptor that is written to."""
        return self._write_fd

    def close(self) -> None:
        """Close both descriptors."""
        if not self._open:
            return
        self._open = False
        os.close(self._read_fd)
        if self._write_fd != self._read_fd:
            os.close(self._write_fd)

    def last_words(self) -> str:
        """Nothing: a device says nothing besides."""
        return ""
