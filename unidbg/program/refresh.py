"""Decodes at one brief stop, and learns what to fetch ahead for the next time the same is asked.

The first time, the decode is rehearsed on the images, then runs while the guest stands, or, where it reads
much and looks are cheap, on a survey. From then on what it read is fetched at once, the guest runs on, and
the decode works on what was fetched. Where a pointer has moved out of it, another look brings more, or the
stop is repeated and the decode follows within; the time of all is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from unidbg.program.capture import Capture, Plan
from unidbg.program.constants import Constants
from unidbg.program.module import Module
from unidbg.program.rehearsal import LinkedMemory, rehearse
from unidbg.program.snapshot import SnapshotMiss
from unidbg.program.survey import survey
from unidbg.target.base import Glancing

if TYPE_CHECKING:
    from unidbg.target.base import StopReason, Target

R = TypeVar("R")
SLOW = frozenset({"unidbg"})
"""Targets behind a serial line, which takes 4 us for each byte and more."""
TRIES = 5
"""Looks at a guest whose pointers have moved, before they are followed while it stands."""
MAX_HABITS = 64
"""Different questions whose plans are kept; the oldest are forgotten."""


class Taken(NamedTuple, Generic[R]):
    """What a decode gave, the capture it was given, and how long the guest stood: `None` where it stood
    anyway.
    """

    result: R
    capture: Capture
    stopped_ns: int | None


class _Habit:
    """What a question read last time, and whether its pointers move so often that we follow them in the
    stop.
    """

    def __init__(self) -> None:
        self.seed = Plan()
        self.plan = Plan()
        self.follow = False


class Refresher:
    """Takes captures of one target."""

    def __init__(self, target: Target, modules: Sequence[Module] = ()) -> None:
        self._target = target
        self._modules = modules
        self._habits: dict[Hashable, _Habit] = {}
        self._constants = Constants(modules) if target.kind in SLOW else None

    def take(self, question: Hashable, decode: Callable[[Capture], R], *, surveyed: bool = False) -> Taken[R]:
        """Decode a capture taken at one stop. Whatever `decode` raises comes out; the guest is as it was.

        `surveyed`: the decode reads much, so it is worth several looks to learn what, the first time.
        """
        habit = self._habits.pop(question, None) or _Habit()
        self._habits[question] = habit
        while len(self._habits) > MAX_HABITS:
            del self._habits[next(iter(self._habits))]
        if self._target.run is None or not self._target.run.running:
            return self._standing(habit, decode)
        if habit.plan == Plan():
            habit.seed = rehearse(self._modules, decode)
            if surveyed and isinstance(self._target, Glancing):
                known = self._constants, LinkedMemory(self._modules)
                habit.plan = survey(self._target, known, habit.seed, decode)
        return self._running(habit, decode)

    def _standing(self, habit: _Habit, decode: Callable[[Capture], R]) -> Taken[R]:
        capture = Capture(self._target, was_running=not self._target.consistent).prefetch(habit.plan)
        result = decode(capture)
        habit.plan = capture.plan()
        return Taken(result, capture, None)

    def _running(self, habit: _Habit, decode: Callable[[Capture], R]) -> Taken[R]:
        spent_ns = 0
        for _ in range(0 if habit.follow or habit.plan == Plan() else TRIES):
            seen = self._glance(habit.plan)
            capture, stopped_ns = seen or self._fetch(habit.plan)
            spent_ns += stopped_ns
            taken = self._detached(habit, decode, capture, spent_ns)
            if taken is not None:
                return taken
            if seen is None:
                break
        return self._following(habit, decode, spent_ns)

    def _detached(
        self, habit: _Habit, decode: Callable[[Capture], R], capture: Capture, stopped_ns: int
    ) -> Taken[R] | None:
        """Decode while the guest runs on. `None` where more is needed; the next try will know of it."""
        capture.detach()
        try:
            result = decode(capture)
        except SnapshotMiss:
            habit.plan = habit.plan.joined(capture.plan()).widened(habit.plan)
            return None
        habit.plan = capture.plan().widened(habit.plan)
        return Taken(result, capture, stopped_ns)

    def _glance(self, plan: Plan) -> tuple[Capture, int] | None:
        """In one round trip, where the target can; the time is the guest's own."""
        if plan.physical or len(plan.registers) > 1 or not isinstance(self._target, Glancing):
            return None
        seen = self._target.glance(plan.ranges(), threads=plan.threads, registers=bool(plan.registers))
        if seen is None:
            return None
        return self._capture().fill(seen, self._target.generation), seen.stood_ns

    def _fetch(self, plan: Plan) -> tuple[Capture, int]:
        start = time.perf_counter_ns()
        with stand(self._target):
            capture = self._capture().prefetch(plan)
        return capture, self._stood_ns(time.perf_counter_ns() - start)

    def _stood_ns(self, waited: int) -> int:
        """As the target's own clock tells; else as long as we waited."""
        told: int | None = getattr(self._target.run, "stood_ns", None)
        return waited if told is None else told

    def _capture(self, *, was_running: bool = True) -> Capture:
        return Capture(self._target, was_running=was_running, constants=self._constants)

    def _following(self, habit: _Habit, decode: Callable[[Capture], R], spent_ns: int) -> Taken[R]:
        """Decode while the guest stands."""
        known = habit.plan != Plan()
        start = time.perf_counter_ns()
        with stand(self._target):
            capture = self._ahead(habit.plan if known else habit.seed)
            result = decode(capture)
        stopped_ns = spent_ns + self._stood_ns(time.perf_counter_ns() - start)
        capture.detach()
        habit.plan, habit.follow = capture.plan().widened(habit.plan), known and not capture.complete
        return Taken(result, capture, stopped_ns)

    def _ahead(self, plan: Plan) -> Capture:
        """A capture of the guest, which stands, with what will probably be read."""
        seen = self._glance(plan)
        return seen[0] if seen is not None else self._capture().prefetch(plan)


def stand(target: Target) -> AbstractContextManager[StopReason | None]:
    """The guest stands inside the block, if it is alive, and afterwards is as it was."""
    return target.run.stopped() if target.run is not None else nullcontext(target.stop_reason)
