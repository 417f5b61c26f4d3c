"""The guest as its images would have it before the first instruction: to rehearse a decode on.

A rehearsal reads no guest. It finds the roots that a real decode will read first, so that they are fetched at
once, and it makes the engine parse the debug information that is needed, before the guest is stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from unidbg.errors import MemoryFault, UnidbgError
from unidbg.program.capture import Capture, Plan
from unidbg.program.module import PT_LOAD, Module
from unidbg.program.relocated import Relocations
from unidbg.target.base import AddressSpace, MemoryRegion, Registers, RunControl, StopReason, ThreadInfo

REHEARSAL = "image"
"""The kind of target that a rehearsal decodes."""
MAX_ZEROS = 1 << 20


class LinkedMemory:
    """Memory as the files have it, zeros where they say so, addresses as they are where the images run."""

    def __init__(self, modules: Sequence[Module]) -> None:
        self._modules = modules
        self._relocations = [Relocations(module) for module in modules]

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes of one segment, or MemoryFault."""
        for module, relocations in zip(self._modules, self._relocations, strict=True):
            link = module.link_address(address)
            for s in module.image.segments:
                if s.p_type == PT_LOAD and s.vaddr <= link and link + length <= s.vaddr + s.memsz:
                    in_file = max(0, min(length, s.vaddr + s.filesz - link))
                    if length - in_file <= MAX_ZEROS:
                        data = module.linked(address, in_file) if in_file else b""
                        return relocations.apply(link, data.ljust(length, b"\0"))
        raise MemoryFault(address, length)

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """Each range, `None` where no image has it."""
        return [self.read(*r) if self.covers(*r) else None for r in ranges]

    def covers(self, address: int, length: int) -> bool:
        """Whether one segment of an image has all of the range."""
        try:
            self.read(address, length)
        except MemoryFault:
            return False
        return True

    def regions(self) -> Sequence[MemoryRegion]:
        return ()


class EntryRegisters:
    """One thread about to run the first image's entry point."""

    def __init__(self, modules: Sequence[Module]) -> None:
        self._pc = modules[0].run_address(modules[0].image.entry) if modules else 0

    def read(self, thread: str) -> Mapping[str, int | None]:
        return {"rip": self._pc, "pc": self._pc, "rsp": 0, "sp": 0, "cr3": None}


class LinkedTarget:
    """A target over `LinkedMemory`."""

    url = ""
    access = "image"
    kind = REHEARSAL
    generation = 0
    consistent = True
    stop_reason: StopReason | None = None
    physical: AddressSpace | None = None
    run: RunControl | None = None

    def __init__(self, modules: Sequence[Module]) -> None:
        self.architecture = modules[0].image.machine if modules else ""
        self.memory: AddressSpace = LinkedMemory(modules)
        self.registers: Registers | None = EntryRegisters(modules)

    def threads(self) -> Sequence[ThreadInfo]:
        return (ThreadInfo("1"),)

    def exec_file(self) -> str | None:
        return None

    def close(self) -> None:
        """Nothing is open."""


def rehearse(modules: Sequence[Module], decode: Callable[[Capture], object]) -> Plan:
    """Decode the images themselves; the plan has the ranges of theirs that were read."""
    capture = Capture(LinkedTarget(modules), trial=True)
    try:
        decode(capture)
    except UnidbgError:
        return Plan()  # the real decode will say what is wrong
    memory = LinkedMemory(modules)
    return Plan(virtual=tuple(r for r in capture.plan().virtual if memory.covers(*r)))
