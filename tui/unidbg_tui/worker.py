"""The one thread that owns the session: it opens, reads, reopens and closes it. No Textual here.

The screen steers it by `watch`, `pause`, `refresh` and `stop`, none of which waits, and hears by `post`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from threading import Condition, Event, Thread

from unidbg.errors import UnidbgError
from unidbg_tui.source import (
    Broken,
    Lost,
    Moment,
    Opened,
    SessionFactory,
    SessionLike,
    Taken,
)
from unidbg_tui.source import (
    Event as Happening,
)

REOPEN_SECONDS = 1.0
"""Pause between attempts to reach a lost guest."""

REST_PER_STOP = 3.0
"""The guest runs at least this many times as long as it stood still, whatever rate was asked for."""


class SessionWorker(Thread):
    """Owns the session from opening to close.

    `post` is called on this thread with each happening. `period` is seconds between refreshes.
    """

    def __init__(self, factory: SessionFactory, *, period: float) -> None:
        super().__init__(name="unidbg-session", daemon=True)
        self._factory = factory
        self._wake = Condition()
        self._period = period
        self._post: Callable[[Happening], None] | None = None
        self._names: tuple[str, ...] = ("overview",)
        self._paused = False
        self._asked = True
        self._stopping = False
        self._opened = Event()
        self._first_error: BaseException | None = None
        self._views: tuple[str, ...] = ()
        self._alive = True

    # Called by the owner of the screen.

    def wait_opened(self) -> tuple[str, ...]:
        """Wait for the first opening; its error is raised here. Returns the names of the views."""
        while not self._opened.wait(0.5):
            if not self.is_alive():
                break
        if self._first_error is not None:
            raise self._first_error
        return self._views

    def connect(self, post: Callable[[Happening], None]) -> None:
        """Begin to read, and tell `post`."""
        with self._wake:
            self._post = post
            self._wake.notify()

    def watch(self, names: tuple[str, ...]) -> None:
        """Read these views from now on; at once where they are new."""
        with self._wake:
            self._asked |= bool(set(names) - set(self._names))
            self._names = names
            self._wake.notify()

    def pause(self, paused: bool) -> None:
        """Stop or go on reading. The guest runs on either way."""
        with self._wake:
            self._paused = paused
            self._asked |= not paused
            self._wake.notify()

    def refresh(self) -> None:
        """Read once now, paused or not."""
        with self._wake:
            self._asked = True
            self._wake.notify()

    def set_period(self, period: float) -> None:
        """Seconds between refreshes."""
        with self._wake:
            self._period = period
            self._wake.notify()

    def stop(self) -> None:
        """Close the session and end. Does not wait: `join` does."""
        with self._wake:
            self._stopping = True
            self._wake.notify()

    # On the thread.

    def run(self) -> None:
        """Open, read until the line is lost, open again."""
        try:
            while not self._stopping:
                self._live()
                self._rest(REOPEN_SECONDS, reopening=True)
        except BaseException as error:  # noqa: BLE001 - handed to the screen, which raises it
            self._fail(error)
        finally:
            self._opened.set()

    def _live(self) -> None:
        """One session, from opening to its end or loss."""
        try:
            session = self._factory()
        except UnidbgError as error:
            self._lose(error)
            return
        try:
            self._announce(session)
            self._read_on(session)
        except UnidbgError as error:
            self._lose(error)
        finally:
            with contextlib.suppress(UnidbgError):
                session.close()

    def _announce(self, session: SessionLike) -> None:
        self._views = tuple(session.VIEWS)
        self._alive = session.target.run is not None
        self._opened.set()
        with self._wake:
            self._wake.wait_for(lambda: self._post is not None or self._stopping)
        self._tell(Opened(time.monotonic(), self._views, self._alive))

    def _read_on(self, session: SessionLike) -> None:
        self._asked = True
        rest = 0.0
        while self._rest(rest):
            moment = self._read(session)
            self._tell(Taken(moment))
            rest = self.rest_after(moment.read_ns / 1e9, moment.stopped_ns or 0)

    def rest_after(self, read_s: float, stood_ns: int) -> float:
        """Seconds to rest after a read: what is left of the period, and enough for the guest to get on."""
        return max(self._period - read_s, REST_PER_STOP * stood_ns / 1e9, 0.0)

    def _read(self, session: SessionLike) -> Moment:
        began = time.perf_counter_ns()
        taken_at = time.monotonic()
        snapshot = session.snapshot(self._names)
        read_ns = time.perf_counter_ns() - began
        return Moment(taken_at, dict(snapshot.views), snapshot.stopped_ns, snapshot.generation, read_ns)

    def _rest(self, seconds: float, *, reopening: bool = False) -> bool:
        """Wait for the next read: the time, or being asked. False when it is time to end."""
        deadline = time.monotonic() + seconds
        with self._wake:
            while not self._stopping and not (self._asked and not reopening):
                idle = (self._paused or not self._alive) and not reopening
                left = None if idle else deadline - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._wake.wait(left)
            self._asked = False
            return not self._stopping

    def _tell(self, happening: Happening) -> None:
        if self._post is not None and not self._stopping:
            self._post(happening)

    def _lose(self, error: UnidbgError) -> None:
        if not self._opened.is_set():
            self._first_error = error
            self._stopping = True
            return
        self._tell(Lost(time.monotonic(), str(error)))

    def _fail(self, error: BaseException) -> None:
        if not self._opened.is_set():
            self._first_error = error
            return
        self._tell(Broken(error))
