"""Keeps the lease of our stub alive while the user, not the program, decides how long a guest stands.

A thread that writes a `+` now and then: the only thread in unidbg's core, and it knows nothing but how to
write that byte between packets. It starts when a lease must outlive the next packet, which a command that
looks and leaves never needs.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from unidbg.errors import TargetError
from unidbg.target.link import Link

if TYPE_CHECKING:
    import threading


class Heartbeat:
    """Beats every `interval` seconds while `wanted`."""

    def __init__(self, link: Link, interval: float) -> None:
        self._link = link
        self._interval = interval
        self._ended: threading.Event | None = None
        self.wanted = False

    def want(self, wanted: bool) -> None:
        """Beat from now on, or no more."""
        self.wanted = wanted
        if wanted and self._ended is None:
            self._start()

    def _start(self) -> None:
        import threading

        self._ended = threading.Event()
        self._link.share_writing(threading.Lock())
        threading.Thread(target=self._run, args=(self._ended,), name="unidbg-heartbeat", daemon=True).start()

    def _run(self, ended: threading.Event) -> None:
        with suppress(TargetError):  # the line is gone: whoever uses it next is told
            while not ended.wait(self._interval):
                if self.wanted:
                    self._link.heartbeat()

    def end(self) -> None:
        """Beat no more, for good. Idempotent."""
        self.wanted = False
        if self._ended is not None:
            self._ended.set()
