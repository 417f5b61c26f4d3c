"""What a target is: memory, threads, registers and, where it is alive, run control.

Capabilities are objects that may be absent: a dump has `run = None`, it does not raise from stubs of methods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from unidbg.views.record import Record, record


@record
class MemoryRegion(Record):
    """A range that the target says it can read; permissions like `rwx` where it knows them, else `""`."""

    start: int
    end: int
    permissions: str = ""


class AddressSpace(Protocol):
    """Reads bytes of one address space. All lengths are in bytes."""

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes, or `MemoryFault` with the first bad address."""
        ...

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """Each (address, length) read in as few round trips as can be; `None` where a range is unreadable."""
        ...

    def regions(self) -> Sequence[MemoryRegion]:
        """What the target itself says of its memory; empty where it says nothing."""
        ...


@runtime_checkable
class WritableMemory(Protocol):
    """An address space that can be written."""

    def write(self, address: int, data: bytes) -> None:
        """Write all of `data` or raise `MemoryFault`."""


@record
class ThreadInfo(Record):
    """A thread (or vCPU) as the target names it; `id` is what goes back to the target (`1`, `p1.1`)."""

    id: str
    name: str = ""
    cpu: int | None = None
    detail: str = ""


@record
class StopReason(Record):
    """Why the guest stands: `signal` is the GDB signal number, `kind` a word
    (`breakpoint`, `step`, `interrupt`, `exception`, `watchpoint`, `exited`, `unknown`), `text` a sentence."""

    thread: str
    signal: int
    kind: str
    text: str


Range = tuple[int, int]
"""Address and length, bytes."""


@record
class Glance(Record):
    """What one look found: memory as far as it was readable, threads and registers where they were asked.

    `stood_ns` is how long the guest stood for it, by the guest's own clock.
    """

    memory: Mapping[Range, bytes]
    threads: Sequence[ThreadInfo] | None
    registers: Mapping[str, Mapping[str, int | None]]
    reason: StopReason
    stood_ns: int


@runtime_checkable
class Glancing(Protocol):
    """A target that can read from a running guest in one round trip."""

    def glance(
        self, ranges: Sequence[Range], *, threads: bool, registers: bool, loose: bool = False
    ) -> Glance | None:
        """Stop, read, go on; registers of the thread that stopped. `None`: not now, nothing was done.

        `loose`: the answers may be of different stops, and old ones where such are known.
        """
        ...


@runtime_checkable
class Telling(Protocol):
    """A target that can tell where its image runs: by its stub, or as a dump of ours has it."""

    def bias(self) -> int | None:
        """Run address minus link address, `None` where nobody says."""
        ...


class Registers(Protocol):
    """Registers by their architectural name (`rax`, `rip`, `cr3`, `fs_base`)."""

    def read(self, thread: str) -> Mapping[str, int | None]:
        """All registers of a thread; `None` for one that the target marks as unavailable."""
        ...


class RunControl(Protocol):
    """Run control of a live target. All waits end by `timeout` seconds with `TargetTimeout`."""

    @property
    def running(self) -> bool:
        """True while the guest executes."""
        ...

    @property
    def stop_reason(self) -> StopReason | None:
        """The last stop, `None` while running."""
        ...

    def stop(self) -> StopReason:
        """Break in. A guest that stands already answers at once."""
        ...

    def resume(self) -> None:
        """Let the guest go on; the target's generation grows."""

    def step(self, thread: str) -> StopReason:
        """One instruction of one thread."""
        ...

    def wait(self, timeout: float | None = None) -> StopReason:
        """Until the guest stops."""
        ...

    def stopped(self) -> AbstractContextManager[StopReason]:
        """The guest stands inside the block and afterwards is as it was before: running or stopped."""
        ...

    def insert_breakpoint(self, address: int) -> None: ...

    def remove_breakpoint(self, address: int) -> None: ...

    def monitor(self, command: str) -> str:
        """`qRcmd`: the output of a command that the guest's stub knows; LocalProtocolError if it has none."""
        ...


@runtime_checkable
class Target(Protocol):
    """What a session reads from."""

    @property
    def url(self) -> str:
        """What the user gave."""
        ...

    @property
    def access(self) -> str:
        """The way of reading, for provenance: `rsp`, `qmp`, `core`."""
        ...

    @property
    def kind(self) -> str:
        """`unidbg` (our stub), `qemu` (QEMU's gdbstub), `rsp` (any other stub), `core` ..."""
        ...

    @property
    def architecture(self) -> str:
        """`x86_64`, `aarch64`, `i386` or `""` when unknown."""
        ...

    @property
    def memory(self) -> AddressSpace:
        """Guest-virtual memory as the current vCPU sees it."""
        ...

    @property
    def physical(self) -> AddressSpace | None:
        """Guest-physical memory, `None` where the target cannot read it."""
        ...

    @property
    def registers(self) -> Registers | None:
        """Registers, `None` where there are none (a raw memory image)."""
        ...

    @property
    def run(self) -> RunControl | None:
        """Run control, `None` for a dump."""
        ...

    @property
    def generation(self) -> int:
        """Grows at each resume: caches carry it."""
        ...

    @property
    def consistent(self) -> bool:
        """True while the guest stands (or is dead), so that reads agree with each other."""
        ...

    @property
    def stop_reason(self) -> StopReason | None: ...

    def threads(self) -> Sequence[ThreadInfo]: ...

    def exec_file(self) -> str | None:
        """A path of the image as the target names it, `None` where it does not."""
        ...

    def close(self) -> None:
        """Leave: breakpoints of ours removed, the guest running if it ran when we came, the line free.

        Idempotent.
        """
