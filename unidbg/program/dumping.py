"""What of a guest goes into a dump: which memory there is, how it is mapped, and the fastest way to it.

The guest must stand while a `Gathered` is made and read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from unidbg.errors import MemoryFault, ProtocolError, TargetError
from unidbg.program import paging
from unidbg.program.module import PT_LOAD
from unidbg.program.program import Program
from unidbg.target.base import AddressSpace, MemoryRegion, Target
from unidbg.target.dump.paged import root_of
from unidbg.target.dump.writing import EXECUTE, READ, WRITE, Mapped, Run
from unidbg.target.host.ram import host_ram_behind, ram_ranges

if TYPE_CHECKING:
    from unidbg.target.host.space import HostSpace

PAGE = 4096
STACK_BYTES = 64 << 10
"""Around each stack pointer, where nothing better is known of a guest's memory."""
MAX_MAPPINGS = 1 << 18


class Gathered(NamedTuple):
    """Runs of memory (physical ones where `physical`), mappings of it, and what reads it.

    `way` says how: `host` past the guest, else as the target reads. `host` is to be closed.
    """

    runs: Sequence[Run]
    mapped: Sequence[Mapped]
    physical: bool
    space: AddressSpace
    way: str
    host: HostSpace | None = None


class SpaceRam:
    """`Ram` over an address space: what cannot be read is zeros, and counted."""

    def __init__(self, space: AddressSpace, host: HostSpace | None = None) -> None:
        self._space = space
        self._host = host
        self.unreadable_bytes = 0

    def untouched(self, address: int, length: int) -> bool:
        """Only the host knows."""
        return self._host is not None and self._host.untouched(address, length)

    def fetch(self, address: int, length: int) -> bytes:
        """The bytes, page by page where not all of them can be read."""
        try:
            return self._space.read(address, length)
        except MemoryFault:
            pages = self._space.read_many(
                [(at, min(PAGE, address + length - at)) for at in range(address, address + length, PAGE)]
            )
        self.unreadable_bytes += sum(PAGE for page in pages if page is None)
        return b"".join(bytes(PAGE) if page is None else page for page in pages)[:length]


def gather(program: Program, through: AddressSpace | None = None) -> Gathered:
    """The memory of the guest. TargetError where nothing tells what memory it has.

    `through` is physical memory by the kernel's own mapping, for a target that reads none.
    """
    target = program.target
    knows = target.physical is not None and bool(target.physical.regions())
    host = host_ram_behind(target.url) if target.run is not None and not knows else None
    physical: AddressSpace | None = host or target.physical or through
    ranges = _physical_ranges(target, host) if physical is not None else []
    if physical is not None and ranges:
        runs = [Run(start, length) for start, length in ranges]
        mapped = _mapped(program, physical) or [Mapped(start, start, length) for start, length in ranges]
        return Gathered(runs, mapped, True, physical, "host" if host else target.access, host)
    runs = _virtual_runs(program)
    if not runs:
        raise TargetError(
            "nothing tells which memory this guest has: give its image with --image FILE, or dump it through "
            "QEMU (qmp:PATH, or a guest of `unidbg run`)"
        )
    mapped = [Mapped(run.start, run.start, run.length) for run in runs]
    return Gathered(runs, mapped, False, target.memory, target.access)


def _physical_ranges(target: Target, host: HostSpace | None) -> list[tuple[int, int]]:
    """RAM as the host, QEMU's monitor, the dump or the stub tell it."""
    if host is not None:
        return [(r.start, r.end - r.start) for r in host.regions()]
    if target.physical is not None:
        told = _ranges(target.physical.regions())
        return told or _asked(target)
    return _ranges([r for r in target.memory.regions() if "w" in r.permissions or not r.permissions])


def _ranges(regions: Sequence[MemoryRegion]) -> list[tuple[int, int]]:
    return [(r.start, r.end - r.start) for r in regions]


def _asked(target: Target) -> list[tuple[int, int]]:
    """QEMU's gdbstub passes `monitor` lines on to QEMU."""
    if target.run is None or target.kind != "qemu":
        return []
    try:
        return ram_ranges(target.run.monitor("info mtree -f"))
    except (TargetError, ProtocolError):
        return []


def _mapped(program: Program, physical: AddressSpace) -> list[Mapped]:
    """The mappings of the first vCPU that has page tables."""
    target = program.target
    for thread in target.threads()[:64]:
        try:
            root = root_of(dict(program.registers(thread.id)))
        except TargetError:
            continue
        if root is not None:
            walk = paging.walk(physical, root.physical, levels=root.levels)
            if walk.mappings:
                return [_one(mapping) for mapping in walk.mappings[:MAX_MAPPINGS]]
    return []


def _one(mapping: paging.Mapping) -> Mapped:
    flags = READ | (WRITE if mapping.writable else 0) | (0 if mapping.no_execute else EXECUTE)
    return Mapped(mapping.start, mapping.physical, mapping.end - mapping.start, flags)


def _virtual_runs(program: Program) -> list[Run]:
    """What the target says of its memory, else the images and the stacks."""
    told = _ranges(program.memory.regions())
    if told:
        return [Run(start, length) for start, length in told]
    parts = []
    for module in program.modules:
        for segment in module.image.segments:
            if segment.p_type == PT_LOAD and segment.memsz:
                parts.append((module.run_address(segment.vaddr), segment.memsz))
    parts += [(pointer - 128, STACK_BYTES) for pointer in _stack_pointers(program)]
    return _pages(parts) if program.modules else []


def _stack_pointers(program: Program) -> list[int]:
    found = []
    for thread in program.target.threads()[:64]:
        try:
            values = program.registers(thread.id)
        except TargetError:
            continue
        found += [pointer for name in ("rsp", "sp", "esp") if (pointer := values.get(name))]
    return found


def _pages(parts: Sequence[tuple[int, int]]) -> list[Run]:
    """Whole pages that cover the parts, disjoint and in order."""
    runs: list[Run] = []
    for start, length in sorted(parts):
        first, end = start & ~(PAGE - 1), (start + length + PAGE - 1) & ~(PAGE - 1)
        if runs and first <= runs[-1].start + runs[-1].length:
            last = runs[-1]
            runs[-1] = Run(last.start, max(last.length, end - last.start))
        else:
            runs.append(Run(first, end - first))
    return runs
