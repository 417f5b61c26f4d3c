"""A dump as a target: memory, vCPUs and registers as they were, and no run control."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from unidbg.errors import RegisterUnavailable, TargetError
from unidbg.target.base import Registers, RunControl, StopReason, ThreadInfo
from unidbg.target.dump.paged import PagedSpace, Root, credible, root_of
from unidbg.target.dump.registers import Values, ordered
from unidbg.target.dump.source import Source
from unidbg.target.dump.space import FilledSpace, Filler, NoSpace, PieceSpace

UNKNOWN = "the dump does not say why"


class Cpu(NamedTuple):
    """A vCPU (or thread) of a dump."""

    info: ThreadInfo
    registers: Values


class Contents(NamedTuple):
    """What a reader found in a file.

    `headers` is virtual memory as the file's own headers have it, `physical` is by physical address. `notes`
    are sentences on what is damaged or missing. `image` is a path that the dump names, `bias` where
    it says that this ran.
    """

    format: str
    machine: str
    cpus: Sequence[Cpu] = ()
    physical: PieceSpace | None = None
    headers: PieceSpace | None = None
    stop: StopReason | None = None
    image: str | None = None
    no_registers: str = ""
    notes: Sequence[str] = ()
    bias: int | None = None
    unchanged_left_out: bool = False
    """What is missing of a mapped file is as in the file: Linux leaves it out."""


class DumpRegisters:
    """The registers of each vCPU as the dump has them."""

    def __init__(self, machine: str, cpus: Sequence[Cpu]) -> None:
        self._values = {cpu.info.id: ordered(machine, cpu.registers) for cpu in cpus}
        self._first = cpus[0].info.id

    def read(self, thread: str) -> Mapping[str, int | None]:
        """All registers of a thread (`""`: the first); TargetError for one that the dump does not have."""
        values = self._values.get(thread or self._first)
        if values is None:
            raise TargetError(f"the dump has no thread {thread}; it has {', '.join(self._values)}")
        return dict(values)


class NoRegisters:
    """Registers of a dump that has none: the reason, as often as it is asked for."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def read(self, thread: str) -> Mapping[str, int | None]:
        """RegisterUnavailable, always."""
        raise RegisterUnavailable("all", self._reason)


class DumpTarget:
    """See `unidbg.target.base.Target`."""

    generation = 0
    consistent = True
    run: RunControl | None = None

    def __init__(self, url: str, source: Source, contents: Contents) -> None:
        self.url = url
        self.access = self.kind = contents.format
        self.architecture = contents.machine
        self.contents = contents
        self._source = source
        self.physical: PieceSpace | None = contents.physical
        self.root = _root(contents)
        """The page tables by which virtual addresses are found; `None`: they are the headers' own."""
        self._notes = (*contents.notes, *self._lost_root())
        self.memory: PieceSpace = self._virtual()
        self.registers: Registers | None = (
            DumpRegisters(contents.machine, contents.cpus)
            if contents.cpus
            else NoRegisters(contents.no_registers or "the dump has none")
        )

    def _virtual(self) -> PieceSpace:
        contents = self.contents
        if self.root is not None and contents.physical is not None:
            return PagedSpace(contents.physical, self.root, contents.headers)
        return contents.headers or contents.physical or NoSpace()

    def _lost_root(self) -> list[str]:
        """What to say where a vCPU tells a root and no page table lies there."""
        told = [root for cpu in self.contents.cpus[:64] if (root := root_of(cpu.registers)) is not None]
        if self.root is not None or self.physical is None or not told:
            return []
        return [f"no page table lies at CR3 {told[0].physical:#x}: virtual addresses are as in the file"]

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the guest stood when it was dumped, as far as the dump tells."""
        first = self.contents.cpus[0].info.id if self.contents.cpus else ""
        return self.contents.stop or StopReason(first, 0, "unknown", UNKNOWN)

    @property
    def notes(self) -> Sequence[str]:
        """What is wrong with the file, in sentences."""
        return self._notes

    def threads(self) -> Sequence[ThreadInfo]:
        """The vCPUs, in the order of the dump."""
        return [cpu.info for cpu in self.contents.cpus]

    def exec_file(self) -> str | None:
        """The image that the dump names: where it says, else beside the dump."""
        named = self.contents.image
        if named is None or os.path.isfile(named):
            return named
        beside = os.path.join(os.path.dirname(self._source.path), os.path.basename(named))
        return beside if os.path.isfile(beside) else named

    def fill(self, fillers: Sequence[Filler]) -> None:
        """What the files have of which parts are mapped, for a dump that leaves that out."""
        if self.contents.unchanged_left_out and fillers:
            self.memory = FilledSpace(self.memory, fillers)

    def bias(self) -> int | None:
        """Where the dump says that its one image ran; it is held against the memory like any other."""
        return self.contents.bias

    def close(self) -> None:
        """Give the file back. Idempotent."""
        self._source.close()


def _root(contents: Contents) -> Root | None:
    """The first root that a vCPU tells and that leads somewhere."""
    if contents.physical is None or contents.machine != "x86_64":
        return None
    roots = [root_of(cpu.registers) for cpu in contents.cpus[:64]]
    return next((root for root in roots if root is not None and credible(contents.physical, root)), None)


def numbered(values: Sequence[Values], word: str = "CPU#") -> list[Cpu]:
    """vCPUs that have no names of their own: named as QEMU's gdbstub names them."""
    return [Cpu(ThreadInfo(str(n + 1), f"{word}{n}", n), found) for n, found in enumerate(values)]
