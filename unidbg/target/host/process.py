"""`pid:PID`: guest memory in the maps of any process that runs a guest, or is one. Registers it has none.

A tender or VMM (QEMU, Firecracker, solo5-hvt) has guest RAM as one large private or shared mapping, which is
taken to begin at guest-physical 0; above 4 GiB it goes on where the VMM's layout says. A tender that runs the
guest in its own address space (solo5-spt), and a hosted unikernel, are read at their own addresses.
"""

from __future__ import annotations

import os
from collections.abc import Mapping as Values
from collections.abc import Sequence

from unidbg.errors import RegisterUnavailable, TargetError
from unidbg.target.base import MemoryRegion, Registers, RunControl, StopReason, ThreadInfo
from unidbg.target.dump.space import PieceSpace
from unidbg.target.host.maps import Mapping, mappings
from unidbg.target.host.space import Block, HostSpace
from unidbg.target.host.ways import Way, best_way

GIB = 1 << 30
LOW_MEMORY = {"qemu": 2 * GIB, "firecracker": 3 * GIB}
"""Bytes of RAM below 4 GiB where there is more than that, by the name of the VMM. For QEMU: q35."""
LEAST_RAM = 1 << 20
LOWEST = 0x40_0000
"""A mapping that begins below this is no ordinary program's: the guest runs in this address space."""
REASON = (
    "the registers of its vCPUs are the VMM's own business: attach by its gdbstub, or by qmp:PATH for QEMU"
)
HOSTED_REASON = "the registers of a running process are to be had by its stub alone: attach by that"


class ProcessTarget:
    """See `unidbg.target.base.Target`. It is never stopped: what is read is racy."""

    kind = "process"
    generation = 0
    consistent = False
    run: RunControl | None = None
    stop_reason: StopReason | None = None

    def __init__(self, url: str, way: Way, blocks: Sequence[Block], machine: str, reason: str) -> None:
        self.url = url
        self.access = f"pid, {way.name}"
        self.architecture = machine
        self._way = way
        space = HostSpace(way, blocks)
        self.memory: PieceSpace = space
        self.physical: PieceSpace | None = space
        self.registers: Registers | None = ProcessRegisters(reason)

    def threads(self) -> Sequence[ThreadInfo]:
        """None is known."""
        return []

    def exec_file(self) -> str | None:
        """The process does not tell what it runs."""
        return None

    def regions(self) -> Sequence[MemoryRegion]:
        """The guest's memory as it was found."""
        return self.memory.regions()

    def close(self) -> None:
        """Let the process go. Idempotent."""
        self._way.close()


class HostedTarget(ProcessTarget):
    """A unikernel that is itself a process of this host: there is no physical memory to speak of."""

    def __init__(self, url: str, way: Way, blocks: Sequence[Block], machine: str, image: str) -> None:
        super().__init__(url, way, blocks, machine, HOSTED_REASON)
        self.physical = None
        self._image = image

    def exec_file(self) -> str | None:
        """What the process runs."""
        return self._image


class ProcessRegisters:
    """There are none: the reason, as often as it is asked for."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def read(self, thread: str) -> Values[str, int | None]:
        """RegisterUnavailable, always."""
        raise RegisterUnavailable("all", self._reason)


def open_process(url: str, pid: int, machine: str) -> ProcessTarget:
    """The guest in process `pid`. TargetGone, or TargetError: where we may not look, or nothing is found."""
    found = mappings(pid)
    image = _executable(pid)
    if image and _is_guest(image):
        blocks = [Block(m.start, m.end - m.start, m.start) for m in found if "r" in m.permissions]
        return HostedTarget(url, _way(pid, found), blocks, machine, image)
    blocks = guest_ram(found, os.path.basename(image))
    if not blocks:
        name = os.path.basename(image) or "unknown"
        raise TargetError(f"process {pid} ({name}) has no guest memory mapped; is it a VMM or a tender?")
    way = best_way(pid, [(block.host, block.host + block.length) for block in blocks])
    return ProcessTarget(url, way, blocks, machine, REASON)


def _way(pid: int, found: Sequence[Mapping]) -> Way:
    """For the whole address space: one readable byte is enough to try a way."""
    readable = next((m for m in found if "r" in m.permissions), None)
    if readable is None:
        raise TargetError(f"process {pid} has nothing mapped that can be read")
    return best_way(pid, [(readable.start, readable.start + 1)])


def guest_ram(found: Sequence[Mapping], name: str) -> list[Block]:
    """Where the guest's RAM is among the mappings of a VMM called `name`."""
    low = [m for m in found if m.start < LOWEST and "r" in m.permissions and m.end - m.start >= LEAST_RAM]
    if low:
        reachable = (m for m in found if m.start < 4 * GIB and "r" in m.permissions)
        return [Block(m.start, m.end - m.start, m.start) for m in reachable]
    largest = max((m for m in found if _may_be_ram(m)), key=lambda m: m.end - m.start, default=None)
    if largest is None:
        return []
    size = largest.end - largest.start
    below = next((room for vmm, room in LOW_MEMORY.items() if name.startswith(vmm)), 3 * GIB)
    if size <= below + GIB // 4:  # what fits below the hole for devices is not split
        return [Block(0, size, largest.start)]
    return [Block(0, below, largest.start), Block(4 * GIB, size - below, largest.start + below)]


def _may_be_ram(mapping: Mapping) -> bool:
    """Anonymous, memfd or a RAM file; not a program, its heap or stack."""
    ordinary = mapping.path.startswith(("[", "/usr/", "/lib", "/bin", "/opt"))
    plain = mapping.permissions.startswith("rw-")  # what can be executed too is a translator's code
    return plain and not ordinary and mapping.end - mapping.start >= LEAST_RAM


def _executable(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    except OSError:
        return ""


def _is_guest(path: str) -> bool:
    """Whether the program describes itself to unidbg: it is a hosted unikernel."""
    from unidbg_symbols import Image
    from unidbg_symbols.errors import SymbolError

    try:
        with Image.open(path) as image:
            return any(note.owner == "unidbg" for note in image.notes())
    except (OSError, SymbolError):
        return False
