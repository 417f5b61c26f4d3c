"""A target as it was at one stop, and the plan by which the next stop fetches the same in two round trips.

A `Capture` is a target itself, so a view decoded from it cannot tell it from a live guest or a dump. While
the guest stands, what was not fetched ahead is read when it is asked for; once detached, asking for it is a
`SnapshotMiss`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from unidbg.program.snapshot import SnapshotMemory, SnapshotMiss, merge_ranges
from unidbg.target.base import AddressSpace, Glance, Registers, RunControl, StopReason, Target, ThreadInfo

if TYPE_CHECKING:
    from typing import Self

    from unidbg.program.constants import Constants

STACK_POINTERS = ("rsp", "esp", "sp")
STACK_BYTES = 2048
"""Fetched from each stack pointer on at least; a backtrace of twenty frames seldom needs more."""
MAX_STACK_BYTES = 32 << 10
PAGE = 4096
GLANCE_STACK = 4096
"""Bytes of a stack that one look reads: more than that has to be worth a stop of its own."""
SLACK = 128
"""Bytes of a stack that a look reads beyond what earlier ones needed."""


class Plan(NamedTuple):
    """What a refresh read, to be fetched at once by the next one.

    `stacks` are bytes above the stack pointer.
    """

    virtual: tuple[tuple[int, int], ...] = ()
    physical: tuple[tuple[int, int], ...] = ()
    threads: bool = False
    registers: tuple[str, ...] = ()
    stacks: tuple[tuple[str, int], ...] = ()
    windows: tuple[tuple[int, int], ...] = ()
    """(stack pointer, end) of what was read of those stacks: they often begin there again."""

    def ranges(self) -> list[tuple[int, int]]:
        """The memory to read at one look, before the stack pointers are known."""
        stacks = [r for low, end in self.windows for r in pieces(low, min(end + SLACK - low, GLANCE_STACK))]
        return [*self.virtual, *(r for r in stacks if r not in self.virtual)]

    def widened(self, earlier: Plan) -> Plan:
        """The windows as far as they were at earlier moments: a guest that works is met at many depths."""
        return self._replace(windows=tuple(_widened(window, earlier.windows) for window in self.windows))

    def joined(self, other: Plan) -> Plan:
        """What this or the other one has; stacks are the other's."""
        return other._replace(
            virtual=tuple(merge_ranges([*self.virtual, *other.virtual])),
            physical=tuple(merge_ranges([*self.physical, *other.physical])),
            threads=self.threads or other.threads,
            registers=tuple(sorted({*self.registers, *other.registers})),
        )


class CapturedRegisters:
    """Registers of the threads that were asked for, at one stop."""

    def __init__(self, source: Registers) -> None:
        self._source: Registers | None = source
        self.values: dict[str, Mapping[str, int | None]] = {}
        self.wanted: set[str] = set()
        self.late = False

    def read(self, thread: str) -> Mapping[str, int | None]:
        """All registers of a thread."""
        self.wanted.add(thread)
        return self.fetch(thread)

    def fetch(self, thread: str) -> Mapping[str, int | None]:
        """Read ahead, without saying that anybody asked."""
        if thread not in self.values:
            if self._source is None:
                raise SnapshotMiss(0, 0)
            self.values[thread] = self._source.read(thread)
        return self.values[thread]

    def detach(self) -> None:
        self._source = None


class Capture:
    """See the module. `was_running` tells whether the guest ran before this stop and goes on after it."""

    run: RunControl | None = None

    def __init__(
        self,
        target: Target,
        *,
        was_running: bool = False,
        constants: Constants | None = None,
        trial: bool = False,
    ) -> None:
        """`trial`: what is decoded of it is thrown away, and nothing of it may be remembered."""
        self._target: Target | None = target
        self._threads: Sequence[ThreadInfo] | None = None
        self._threads_wanted = False
        self._generation = target.generation
        self._reason = target.stop_reason
        self._exec_file: str | None = None
        self._snapshot = SnapshotMemory(target.memory)
        self._constants = constants
        if constants is not None:
            self._snapshot.fill(constants.blocks)
        self._physical = SnapshotMemory(target.physical) if target.physical is not None else None
        self._registers = CapturedRegisters(target.registers) if target.registers is not None else None
        self.was_running = was_running
        self.trial = trial
        self._consistent = target.consistent or target.run is not None
        self.url, self.access, self.kind = target.url, target.access, target.kind
        self.architecture = target.architecture
        self.memory: AddressSpace = self._snapshot
        self.physical: AddressSpace | None = self._physical
        self.registers: Registers | None = self._registers

    @property
    def generation(self) -> int:
        return self._generation

    @property
    def consistent(self) -> bool:
        """False where the guest could not be stopped and ran meanwhile."""
        return self._consistent

    @property
    def stop_reason(self) -> StopReason | None:
        return self._reason

    def threads(self) -> Sequence[ThreadInfo]:
        """The target's threads at this stop."""
        self._threads_wanted = True
        if self._threads is None:
            if self._target is None:
                raise SnapshotMiss(0, 0)
            self._threads = self._target.threads()
        return self._threads

    def exec_file(self) -> str | None:
        return None

    def close(self) -> None:
        """Nothing to give back: the target is the session's."""

    def prefetch(self, plan: Plan) -> Self:
        """Fetch what `plan` names: threads and registers first, then all memory at once."""
        if plan.threads and self._target is not None:
            self._threads = self._target.threads()
        ids = {thread.id for thread in self._threads or ()}
        for thread in plan.registers:
            if self._registers is not None and (not plan.threads or thread in ids):
                self._registers.fetch(thread)
        stacks = [r for thread, size in plan.stacks for r in self._stack(thread, size)]
        self._snapshot.fetch([*plan.virtual, *(r for r in stacks if r not in plan.virtual)])
        if self._physical is not None:
            self._physical.fetch(plan.physical)
        return self

    def fill(self, seen: Glance, generation: int) -> Self:
        """Take over what one look at the running guest has found."""
        self._generation, self._reason = generation, seen.reason
        self._threads = seen.threads
        self._snapshot.fill(seen.memory)
        if self._registers is not None:
            self._registers.values.update(seen.registers)
        return self

    def expect(self, address: int, length: int) -> None:
        """The next refresh will probably read this virtual memory."""
        self._snapshot.expect(address, length)

    def forget(self, address: int, length: int) -> None:
        """The next refresh will not read this virtual memory, though this one did."""
        self._snapshot.forget(address, length)

    def detach(self) -> None:
        """The guest runs on."""
        self._target = None
        self._snapshot.detach()
        for part in (self._physical, self._registers):
            if part is not None:
                part.detach()

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for had been fetched ahead."""
        parts = (self._snapshot, self._physical)
        return all(not part.late for part in parts if part is not None)

    def plan(self) -> Plan:
        """What was asked for at this stop, in the form that the next stop fetches."""
        windows = self._windows()
        outside = {
            r for r in self._snapshot.touched if not any(low <= r[0] < high for _, low, high in windows)
        }
        if self._constants is not None:
            self._constants.learn(outside, self._snapshot.fetched)
            outside = self._constants.wanted(outside)
        return Plan(
            virtual=tuple(self._snapshot.read_set(outside)),
            physical=tuple(self._physical.read_set()) if self._physical else (),
            threads=self._threads_wanted,
            registers=tuple(sorted(self._registers.wanted)) if self._registers else (),
            stacks=tuple((thread, self._depth(low, high)) for thread, low, high in windows),
            windows=tuple((low, low + self._deepest(low, high)) for _, low, high in windows),
        )

    def _windows(self) -> list[tuple[str, int, int]]:
        """(thread, stack pointer, end) of the stacks that were looked at."""
        found = []
        for thread in sorted(self._registers.values) if self._registers else ():
            low = self._stack_pointer(thread)
            if low and any(low <= a < low + MAX_STACK_BYTES for a, _ in self._snapshot.touched):
                found.append((thread, low, low + MAX_STACK_BYTES))
        return found

    def _depth(self, low: int, high: int) -> int:
        """Bytes above the stack pointer that were read, with room for a deeper call."""
        return min(max(STACK_BYTES, self._deepest(low, high) + 512), MAX_STACK_BYTES)

    def _deepest(self, low: int, high: int) -> int:
        """Bytes above the stack pointer that were read."""
        return max((a + n for a, n in self._snapshot.touched if low <= a < high), default=low) - low

    def _stack_pointer(self, thread: str) -> int:
        values = self._registers.values.get(thread, {}) if self._registers else {}
        return next((values[name] or 0 for name in STACK_POINTERS if name in values), 0)

    def _stack(self, thread: str, size: int) -> list[tuple[int, int]]:
        """The stack above the pointer, cut at page boundaries: the page behind may not be mapped."""
        return pieces(self._stack_pointer(thread), size)


def _widened(window: tuple[int, int], earlier: Sequence[tuple[int, int]]) -> tuple[int, int]:
    for low, end in earlier:
        union = min(low, window[0]), max(end, window[1])
        if union[1] - union[0] + SLACK <= GLANCE_STACK:
            return union
    return window


def pieces(at: int, size: int) -> list[tuple[int, int]]:
    """`size` bytes from `at` on, cut at page boundaries; nothing at address 0."""
    end = at + size
    found = []
    while at and at < end:
        piece = min(end, (at | (PAGE - 1)) + 1) - at
        found.append((at, piece))
        at += piece
    return found
