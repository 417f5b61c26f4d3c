"""A target that keeps all that was read through it: what the views need of a guest, and no more.

That is what a minimal dump holds. When the line breaks, another target of the same guest takes over, and what
was read is not asked for again. Registers and threads are kept too, so that what was recorded stays a target
when the guest is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from unidbg.errors import MemoryFault, RegisterUnavailable
from unidbg.target.base import (
    AddressSpace,
    MemoryRegion,
    Registers,
    RunControl,
    StopReason,
    Target,
    ThreadInfo,
)

NEVER_CAME = "the guest is gone, and this was not read of it"


class Piece(NamedTuple):
    """Memory that was read."""

    start: int
    data: bytes


class RecordedSpace:
    """An address space that asks for each range once."""

    def __init__(self) -> None:
        self.source: AddressSpace | None = None
        self._kept: dict[tuple[int, int], bytes | int] = {}
        """By address and length: the bytes, or the first address that cannot be read."""

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes, or MemoryFault."""
        key = address, length
        if key not in self._kept:
            try:
                if self.source is None:
                    raise MemoryFault(address, length, NEVER_CAME)
                self._kept[key] = self.source.read(address, length)
            except MemoryFault as fault:
                if self.source is None:
                    raise
                self._kept[key] = fault.address
        found = self._kept[key]
        if isinstance(found, int):
            raise MemoryFault(found, length)
        return found

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """Each range, those that are new in one go."""
        new = [one for one in dict.fromkeys(ranges) if one not in self._kept]
        if new and self.source is not None:
            for one, data in zip(new, self.source.read_many(new), strict=True):
                self._kept[one] = one[0] if data is None else data
        found = [self._kept.get(one) for one in ranges]
        return [data if isinstance(data, bytes) else None for data in found]

    def regions(self) -> Sequence[MemoryRegion]:
        return ()

    @property
    def kept_bytes(self) -> int:
        """Bytes that arrived."""
        return sum(len(data) for data in self._kept.values() if isinstance(data, bytes))

    def pieces(self) -> list[Piece]:
        """What was read, sorted, each byte once."""
        found: list[Piece] = []
        for (start, _), data in sorted(self._kept.items(), key=lambda item: item[0]):
            if isinstance(data, int) or not data:
                continue
            last = found[-1] if found else None
            if last is None or start > last.start + len(last.data):
                found.append(Piece(start, data))
            elif start + len(data) > last.start + len(last.data):
                found[-1] = Piece(last.start, last.data + data[last.start + len(last.data) - start :])
        return found


class RecordedRegisters:
    """Registers of each thread, asked for once."""

    def __init__(self) -> None:
        self.source: Registers | None = None
        self._kept: dict[str, Mapping[str, int | None]] = {}

    def read(self, thread: str) -> Mapping[str, int | None]:
        """All registers of a thread."""
        if thread not in self._kept:
            if self.source is None:
                raise RegisterUnavailable("all", NEVER_CAME)
            self._kept[thread] = self.source.read(thread)
        return self._kept[thread]


class Recording:
    """See `unidbg.target.base.Target`: a guest that stands, read through this."""

    generation = 0
    consistent = True
    run: RunControl | None = None
    physical: AddressSpace | None = None

    def __init__(self) -> None:
        self.url, self.access, self.kind, self.architecture = "", "", "", ""
        self.space = RecordedSpace()
        self.memory: AddressSpace = self.space
        self._registers = RecordedRegisters()
        self.registers: Registers | None = self._registers
        self.stop_reason: StopReason | None = None
        self._threads: Sequence[ThreadInfo] | None = None
        self._target: Target | None = None

    def attach(self, target: Target) -> None:
        """Read from `target` from now on; its guest stands, and is the one of before."""
        self.url, self.access, self.kind = target.url, target.access, target.kind
        self.architecture = target.architecture
        self.space.source, self._registers.source, self._target = target.memory, target.registers, target
        self.stop_reason = target.stop_reason
        if self._threads is None:
            self._threads = list(target.threads())

    def detach(self) -> None:
        """Nobody can be asked any more."""
        self.space.source = self._registers.source = self._target = None

    def threads(self) -> Sequence[ThreadInfo]:
        """The threads as they were when the first target was attached."""
        return self._threads or ()

    def exec_file(self) -> str | None:
        return self._target.exec_file() if self._target is not None else None

    def close(self) -> None:
        """The target is whoever's who opened it."""
