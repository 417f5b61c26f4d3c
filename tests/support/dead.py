"""The guest of `tests.support.kernel`, dead: its memory and registers in each format of dump."""

from __future__ import annotations

from collections.abc import Callable

from tests.support import dumps
from tests.support.dumps import Load
from tests.support.kernel import Guest, kernel

REGISTERS: dict[str, int | None] = {
    "rsp": 0x30_F000,
    "rbp": 0,
    "rax": 0x1122,
    "r15": 15,
    "eflags": 2,
    "cs": 8,
}


class Dead:
    """The guest of `kernel`, its memory as blocks of whole pages."""

    def __init__(self) -> None:
        self.guest: Guest = kernel()
        self.registers = {**REGISTERS, "rip": self.guest.image.entry}
        memory = self.guest.memory
        self.blocks = {r.start: memory.read(r.start, r.end - r.start) for r in memory.regions()}

    @property
    def loads(self) -> list[Load]:
        return [Load(start, data, start) for start, data in self.blocks.items()]

    @property
    def virtual_loads(self) -> list[Load]:
        return [Load(start, data) for start, data in self.blocks.items()]

    @property
    def status(self) -> bytes:
        return dumps.prstatus(self.registers, signal=0)

    def flat(self) -> bytes:
        """From address 0 to the end of the last block."""
        out = bytearray(max(start + len(data) for start, data in self.blocks.items()))
        for start, data in self.blocks.items():
            out[start : start + len(data)] = data
        return bytes(out)


def wrong_virtual(dead: Dead) -> bytes:
    loads = [load._replace(virtual=load.virtual | 0xFFFF << 48) for load in dead.loads]
    return dumps.core(loads, dead.status + dumps.qemu_note(dead.registers))


def kdump(dead: Dead) -> bytes:
    return dumps.kdump(dead.blocks, dead.status + dumps.qemu_note(dead.registers))


FORMATS: dict[str, Callable[[Dead], bytes]] = {
    "gcore": lambda dead: dumps.core(dead.virtual_loads, dead.status),
    "qemu": lambda dead: dumps.core(dead.loads, dead.status + dumps.qemu_note(dead.registers)),
    "qemu with paging on": wrong_virtual,
    "solo5": lambda dead: dumps.core([Load(0, dead.flat(), 0)], dead.status, osabi=255),
    "kdump": kdump,
    "kdump, flattened": lambda dead: dumps.flatten(kdump(dead)),
    "xen, hardware": lambda dead: dumps.xen(dead.blocks, [dumps.xen_context(dead.registers)]),
    "xen, paravirtual": lambda dead: dumps.xen(
        dead.blocks, [dumps.xen_context(dead.registers)], paravirtual=True
    ),
}
