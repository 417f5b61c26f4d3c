"""A decode while the guest runs, to learn what it reads: each thing is had by a look of its own.

What comes of it is thrown away, for it is of many moments. But whoever knows what is read can have it at one
look, and what was read is known to the target already. So the guest never stands for long, not even the first
time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from unidbg.errors import MemoryFault, UnidbgError
from unidbg.program.capture import Capture, Plan
from unidbg.program.constants import Constants
from unidbg.program.snapshot import SnapshotMiss
from unidbg.target.base import (
    AddressSpace,
    Glance,
    Glancing,
    MemoryRegion,
    Registers,
    RunControl,
    StopReason,
    Target,
    ThreadInfo,
)

BLOCK = 256
"""Bytes that are read around what is asked for: a look costs as much as some hundred bytes."""

Range = tuple[int, int]
Decode = Callable[[Capture], object]


class GlancedMemory:
    """Virtual memory of a running guest, block by block. `SnapshotMiss` where no look can be had now.

    What no guest should write to is taken from the images: it is read from the guest when it counts.
    """

    def __init__(self, target: Target, constants: Constants | None, linked: AddressSpace) -> None:
        self._target = target
        self._constants = constants
        self._linked = linked
        self._blocks: dict[int, bytes] = {}

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes, or MemoryFault."""
        found = self.read_many([(address, length)])[0]
        if found is None:
            raise MemoryFault(address + len(self._prefix(address, length)), length)
        return found

    def read_many(self, ranges: Sequence[Range]) -> list[bytes | None]:
        """All ranges by one look, but for what an earlier one has brought."""
        constant = [self._constants is not None and self._constants.covers(*at) for at in ranges]
        self.load([at for at, known in zip(ranges, constant, strict=True) if not known])
        return [
            self._linked.read(*at) if known else self._whole(*at)
            for at, known in zip(ranges, constant, strict=True)
        ]

    def load(self, ranges: Sequence[Range], *, threads: bool = False) -> Glance | None:
        """Bring the blocks of `ranges` in, with threads and registers where wanted."""
        missing = sorted({block for at in ranges for block in _blocks(at)} - self._blocks.keys())
        if not missing and not threads:
            return None
        seen = look(self._target, [(block, BLOCK) for block in missing], threads=threads)
        self._blocks.update((block, seen.memory[block, BLOCK]) for block in missing)
        return seen

    def _whole(self, address: int, length: int) -> bytes | None:
        data = self._prefix(address, length)
        return data if len(data) == length else None

    def _prefix(self, address: int, length: int) -> bytes:
        """What of a range can be read."""
        out = bytearray()
        for block in _blocks((address, length)):
            data = self._blocks[block]
            out += data
            if len(data) < BLOCK:
                break
        return bytes(out[address % BLOCK : address % BLOCK + length])

    def regions(self) -> Sequence[MemoryRegion]:
        return ()


class GlancedRegisters:
    """Registers of the thread that a look stopped."""

    def __init__(self, known: Mapping[str, Mapping[str, int | None]]) -> None:
        self._known = known

    def read(self, thread: str) -> Mapping[str, int | None]:
        if thread not in self._known:
            raise SnapshotMiss(0, 0)
        return self._known[thread]


class GlancedTarget:
    """A running guest as its looks have it: no run control, and no two answers need be of one moment."""

    def __init__(self, target: Target, memory: GlancedMemory, first: Glance) -> None:
        self.url, self.access, self.kind = target.url, target.access, target.kind
        self.architecture = target.architecture
        self.memory: AddressSpace = memory
        self.registers: Registers | None = GlancedRegisters(first.registers)
        self.physical: AddressSpace | None = None
        self.run: RunControl | None = None
        self.generation = target.generation
        self.consistent = False
        self.stop_reason: StopReason | None = first.reason
        self._threads = first.threads or ()

    def threads(self) -> Sequence[ThreadInfo]:
        return self._threads

    def exec_file(self) -> str | None:
        return None

    def close(self) -> None:
        """Nothing is open."""


def look(target: Target, ranges: Sequence[Range], *, threads: bool) -> Glance:
    """A glance, or `SnapshotMiss` where none can be had."""
    if isinstance(target, Glancing):
        seen = target.glance(ranges, threads=threads, registers=threads, loose=True)
        if seen is not None:
            return seen
    raise SnapshotMiss(0, 0)


def survey(target: Target, known: tuple[Constants | None, AddressSpace], seed: Plan, decode: Decode) -> Plan:
    """What `decode` reads, as far as that can be learned; `seed` is what it reads for certain.

    `known`: what does not change, and the images that have it.
    """
    memory = GlancedMemory(target, *known)
    try:
        first = memory.load(seed.virtual, threads=True)
    except SnapshotMiss:
        return Plan()
    assert first is not None
    capture = Capture(GlancedTarget(target, memory, first), was_running=True, trial=True)
    with suppress(SnapshotMiss, UnidbgError):  # the real decode will say what is wrong
        decode(capture)
    return capture.plan()


def _blocks(at: Range) -> range:
    address, length = at
    return range(address - address % BLOCK, address + length, BLOCK)
