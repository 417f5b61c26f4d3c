"""A target over plain bytes: what decoders are tested against without a guest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from unidbg.errors import MemoryFault
from unidbg.target.base import AddressSpace, MemoryRegion, Registers, RunControl, StopReason, ThreadInfo


class FakeMemory:
    """Blocks of bytes at addresses, later ones above earlier ones; counts the round trips."""

    def __init__(self, blocks: Mapping[int, bytes] | None = None) -> None:
        self._blocks: dict[int, bytearray] = {}
        self.round_trips = 0
        self.log: list[tuple[int, int]] = []
        for address, data in (blocks or {}).items():
            self.plant(address, data)

    def plant(self, address: int, data: bytes) -> None:
        """Put a block at `address`, or overwrite bytes of one that covers it wholly."""
        for start, block in self._blocks.items():
            if start <= address and address + len(data) <= start + len(block):
                block[address - start : address - start + len(data)] = data
                return
        self._blocks[address] = bytearray(data)

    def read(self, address: int, length: int) -> bytes:
        self.round_trips += 1
        self.log.append((address, length))
        return self._read(address, length)

    def _read(self, address: int, length: int) -> bytes:
        out = bytearray()
        while len(out) < length:
            piece = self._piece(address + len(out), length - len(out))
            if not piece:
                raise MemoryFault(address + len(out), length)
            out += piece
        return bytes(out)

    def _piece(self, address: int, length: int) -> bytes:
        for start, block in self._blocks.items():
            if start <= address < start + len(block):
                return bytes(block[address - start : address - start + length])
        return b""

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
        self.round_trips += 1
        self.log.extend(ranges)
        return [self._try(*r) for r in ranges]

    def _try(self, address: int, length: int) -> bytes | None:
        try:
            return self._read(address, length)
        except MemoryFault:
            return None

    def regions(self) -> Sequence[MemoryRegion]:
        return [MemoryRegion(start, start + len(block)) for start, block in sorted(self._blocks.items())]


@dataclass
class FakeRegisters:
    """Registers by thread."""

    values: dict[str, dict[str, int | None]] = field(default_factory=dict)

    def read(self, thread: str) -> Mapping[str, int | None]:
        return self.values[thread]


STOP = StopReason("1", 2, "interrupt", "interrupted")


class FakeRun:
    """Run control that counts stops and resumes."""

    def __init__(self, target: FakeTarget, running: bool) -> None:
        self._target = target
        self._running = running
        self.stops = 0

    @property
    def running(self) -> bool:
        return self._running

    @property
    def stop_reason(self) -> StopReason | None:
        return None if self._running else STOP

    def stop(self) -> StopReason:
        self.stops += 1
        self._running = False
        return STOP

    def resume(self) -> None:
        self._running = True
        self._target.generation_ += 1

    def step(self, thread: str) -> StopReason:
        self._target.generation_ += 1
        return STOP

    def wait(self, timeout: float | None = None) -> StopReason:
        return STOP

    def stopped(self) -> AbstractContextManager[StopReason]:
        return self._stopped()

    @contextmanager
    def _stopped(self) -> Iterator[StopReason]:
        was_running = self._running
        if was_running:
            self.stop()
        try:
            yield STOP
        finally:
            if was_running:
                self.resume()

    def insert_breakpoint(self, address: int) -> None: ...

    def remove_breakpoint(self, address: int) -> None: ...

    def monitor(self, command: str) -> str:
        return f"ran {command}\n"


class FakeTarget:
    """Everything that `unidbg.target.base.Target` asks for, over `FakeMemory`."""

    def __init__(
        self,
        memory: FakeMemory | None = None,
        *,
        physical: FakeMemory | None = None,
        registers: Mapping[str, dict[str, int | None]] | None = None,
        running: bool | None = False,
        kind: str = "unidbg",
        exec_path: str | None = None,
    ) -> None:
        self.url = "fake:"
        self.access = "rsp"
        self.kind = kind
        self.architecture = "x86_64"
        self.fake_memory = memory or FakeMemory()
        self.memory: AddressSpace = self.fake_memory
        self.physical: AddressSpace | None = physical
        self.fake_registers = FakeRegisters(dict(registers or {}))
        self.registers: Registers | None = self.fake_registers if registers is not None else None
        self.generation_ = 0
        self.fake_run = FakeRun(self, bool(running))
        self.run: RunControl | None = self.fake_run if running is not None else None
        self.exec_path = exec_path
        self.closed = False

    @property
    def generation(self) -> int:
        return self.generation_

    @property
    def consistent(self) -> bool:
        return self.run is None or not self.run.running

    @property
    def stop_reason(self) -> StopReason | None:
        return self.run.stop_reason if self.run else STOP

    def threads(self) -> Sequence[ThreadInfo]:
        names = list(self.fake_registers.values) or ["1"]
        return [ThreadInfo(id=name, name=f"CPU#{n}", cpu=n) for n, name in enumerate(names)]

    def exec_file(self) -> str | None:
        return self.exec_path

    def close(self) -> None:
        self.closed = True
