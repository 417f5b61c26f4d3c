"""A session: open a target, find its image and profile, take snapshots of views.

The one facade under CLI and TUI; it belongs to one thread. A snapshot stops the guest once and briefly: what
the last one read is fetched in one go, the guest runs on, and the views are decoded from what was fetched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unidbg import config as configuration
from unidbg.errors import LocalProtocolError
from unidbg.profiles import registry
from unidbg.profiles.base import VIEWS, Context
from unidbg.profiles.overview import PARTS, overview
from unidbg.program.capture import Capture, Plan
from unidbg.program.finding import ImageSpec, find_modules
from unidbg.program.program import Program
from unidbg.program.snapshot import SnapshotMiss
from unidbg.views.base import Absent, Provenance, View
from unidbg.views.provenance import with_provenance

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from unidbg.target.base import StopReason, Target

__all__ = ["VIEWS", "ImageSpec", "Session", "Snapshot"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Views of one stop. `stopped_ns` is how long the guest stood for it, `None` where it stood already."""

    views: Mapping[str, View | Absent]
    stopped_ns: int | None
    generation: int


@dataclass(slots=True)
class _Habit:
    """What the refreshes of one set of views read, and whether the next must follow moving pointers in the
    stop.
    """

    plan: Plan
    follow: bool = True


class Session:
    """See the module. Use as a context manager: leaving it leaves the guest as it was."""

    VIEWS = VIEWS

    def __init__(
        self,
        target: Target,
        program: Program,
        *,
        config: configuration.Config | None = None,
        image_note: str = "",
    ) -> None:
        """`image_note` says why there is no image, for the views that are absent for want of it."""
        self.target = target
        self.program = program
        self.config = config or configuration.Config()
        self.image_note = image_note
        self._roots = self.config.table("roots")
        self.match = registry.detect(program.modules, roots=bool(self._roots))
        self._habits: dict[tuple[str, ...], _Habit] = {}

    @classmethod
    def open(cls, url: str, *, images: Sequence[ImageSpec] = (), timeout: float = 5.0) -> Session:
        """Open the target, find and verify its images. TargetError and ImageError say what to do next."""
        from unidbg.target import open_target

        config = configuration.load()
        target = open_target(url, timeout=timeout)
        try:
            return cls.over(target, images=images, config=config)
        except BaseException:
            target.close()
            raise

    @classmethod
    def over(
        cls, target: Target, *, images: Sequence[ImageSpec] = (), config: configuration.Config | None = None
    ) -> Session:
        """A session on a target that is open already; it closes it in the end."""
        config = config or configuration.Config()
        with stand(target):
            found = find_modules(target, images, config)
        return cls(target, Program(target, found.modules), config=config, image_note=found.note)

    @property
    def profile_name(self) -> str:
        """`probe`, `generic` ..."""
        return self.match.profile.name

    def view(self, name: str) -> View | Absent:
        """One view at one brief stop."""
        return self.snapshot([name]).views[name]

    def snapshot(self, names: Sequence[str]) -> Snapshot:
        """All of `names` at one stop; KeyError for a name that is not in `VIEWS`."""
        unknown = [name for name in names if name not in VIEWS]
        if unknown:
            raise KeyError(f"no view {unknown[0]!r}; known: {', '.join(VIEWS)}")
        return self._take(tuple(names), lambda context: self._decode(context, names))

    def _decode(self, context: Context, names: Sequence[str]) -> dict[str, View | Absent]:
        wanted = dict.fromkeys([*names, *(PARTS if "overview" in names else ())])
        found = {name: self._one(context, name) for name in wanted if name != "overview"}
        if "overview" in names:
            found["overview"] = overview(context, found)
        return {name: found[name] for name in names}

    def _one(self, context: Context, name: str) -> View | Absent:
        function = self.match.profile.views().get(name)
        if function is not None:
            return function(context)
        absent = self.match.profile.missing(context, name)
        if self.image_note and not self.program.modules:
            return context.absent(name, self.image_note, absent.remedy)
        return absent

    def _take(
        self, key: tuple[str, ...], decode: Callable[[Context], Mapping[str, View | Absent]]
    ) -> Snapshot:
        """Decode at one stop: outside of it where nothing moved since the last time, else inside."""
        habit = self._habits.setdefault(key, _Habit(Plan()))
        try:
            return self._attempt(habit, decode, follow=habit.follow, spent_ns=0)
        except _Moved as moved:
            return self._attempt(habit, decode, follow=True, spent_ns=moved.stopped_ns)

    def _attempt(
        self,
        habit: _Habit,
        decode: Callable[[Context], Mapping[str, View | Absent]],
        *,
        follow: bool,
        spent_ns: int,
    ) -> Snapshot:
        running = self.target.run is not None and self.target.run.running
        views: Mapping[str, View | Absent] | None = None
        start = time.perf_counter_ns()
        with stand(self.target):
            capture = Capture(self.target, was_running=running).prefetch(habit.plan)
            if follow or not running:
                views = decode(self._context(capture, None))
        stopped_ns = spent_ns + time.perf_counter_ns() - start if running else None
        capture.detach()
        try:
            views = decode(self._context(capture, None)) if views is None else views
        except SnapshotMiss:
            raise _Moved(stopped_ns or 0) from None
        habit.follow = bool(habit.plan.virtual) and not capture.complete
        habit.plan = capture.plan()
        head = self._provenance(capture, stopped_ns)
        return Snapshot(
            {name: with_provenance(view, head) for name, view in views.items()},
            stopped_ns,
            capture.generation,
        )

    def _context(self, capture: Capture, stopped_ns: int | None) -> Context:
        return Context(
            Program(capture, self.program.modules),
            self._provenance(capture, stopped_ns),
            was_running=capture.was_running,
            roots=self._roots,
        )

    def _provenance(self, capture: Capture, stopped_ns: int | None) -> Provenance:
        return Provenance(
            target=capture.url,
            access=capture.access,
            images=tuple(module.identity() for module in self.program.modules),
            profile=self.profile_name,
            consistency="stopped",
            stop_number=capture.generation,
            stopped_ns=stopped_ns,
        )

    def monitor(self, command: str) -> str:
        """What the stub prints for a `monitor` command; LocalProtocolError where nobody can be asked."""
        if self.target.run is None:
            raise LocalProtocolError(f"{self.target.url} is not alive: a dump cannot run `monitor {command}`")
        return self.target.run.monitor(command)

    def close(self) -> None:
        """Leave the guest as it was. Idempotent."""
        self.target.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Moved(Exception):
    """A pointer led out of what was fetched: take the snapshot again and follow it within the stop."""

    def __init__(self, stopped_ns: int) -> None:
        super().__init__()
        self.stopped_ns = stopped_ns


def stand(target: Target) -> AbstractContextManager[StopReason | None]:
    """The guest stands inside the block, if it is alive, and afterwards is as it was."""
    return target.run.stopped() if target.run is not None else nullcontext(target.stop_reason)
