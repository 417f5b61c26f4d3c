"""What the TUI needs of a session, and what comes back from the thread that owns it.

`unidbg.session.Session` is such a source; so is the recorded one of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from unidbg.views.base import Absent, View

Part = View | Absent


class SnapshotLike(Protocol):
    """The views of one brief stop."""

    @property
    def views(self) -> Mapping[str, Part]:
        """View or `Absent`, by the name of the view."""
        ...

    @property
    def stopped_ns(self) -> int | None:
        """How long the guest stood still for this; `None` where it was not ours to stop."""
        ...

    @property
    def generation(self) -> int:
        """The target's count of resumes."""
        ...


class TargetLike(Protocol):
    """What a session reads from: a dump has no run control."""

    @property
    def run(self) -> object | None:
        """Run control; `None` for what does not live."""


class SessionLike(Protocol):
    """A session: one thread owns it, from opening to close."""

    @property
    def target(self) -> TargetLike:
        """What it reads from."""
        ...

    @property
    def VIEWS(self) -> Sequence[str]:  # noqa: N802 - the session's own name for it
        """The names of the views it can give."""
        ...

    def snapshot(self, names: Sequence[str]) -> SnapshotLike:
        """All of `names` from one brief stop."""
        ...

    def close(self) -> None:
        """Let go of the guest and leave it running."""


SessionFactory = Callable[[], SessionLike]


@dataclass(frozen=True, slots=True)
class Moment:
    """One snapshot: `taken_at` by the host's monotonic clock (seconds), `read_ns` how long reading took."""

    taken_at: float
    views: Mapping[str, Part]
    stopped_ns: int | None
    generation: int
    read_ns: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A session was opened; it gives these views. A dump is not `alive`: it stays as it is."""

    at: float
    views: tuple[str, ...]
    alive: bool = True


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot was taken."""

    moment: Moment


@dataclass(frozen=True, slots=True)
class Lost:
    """The guest or the line is gone, for `reason`; the thread goes on trying."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A bug: what was raised is no error of ours. It ends the TUI with a traceback."""

    error: BaseException


Event = Opened | Taken | Lost | Broken


class Reader(Protocol):
    """What the screen steers: the worker that owns the session. Nothing here waits."""

    def connect(self, post: Callable[[Event], None]) -> None:
        """Begin to read, and tell `post`."""

    def watch(self, names: tuple[str, ...]) -> None:
        """Read these views from now on."""

    def pause(self, paused: bool) -> None:
        """Stop or go on reading."""

    def refresh(self) -> None:
        """Read once now."""

    def set_period(self, period: float) -> None:
        """Seconds between refreshes."""
