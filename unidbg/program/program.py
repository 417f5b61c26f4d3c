"""`Program`: a target and the modules that run in it. What every view is decoded from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unidbg.errors import MemoryFault, NoDebugInfo, RegisterUnavailable, SymbolError, SymbolNotFound
from unidbg.program.module import Module
from unidbg.program.value import Value
from unidbg.views.base import Address, Location

if TYPE_CHECKING:
    from unidbg_symbols import types as t
    from unidbg_symbols.dwarf.variables import Variable

    from unidbg.target.base import AddressSpace, Target
    from unidbg.views.inspect import Instruction
    from unidbg.views.system import Frame


class Program:
    """Target x modules. It reads what it is asked for and keeps nothing: over a capture it is a snapshot."""

    def __init__(self, target: Target, modules: Sequence[Module] = ()) -> None:
        self.target = target
        self.modules = tuple(modules)

    @property
    def memory(self) -> AddressSpace:
        """Guest-virtual memory."""
        return self.target.memory

    @property
    def pointer_bytes(self) -> int:
        """Bytes of an address, by the first image, else by the architecture."""
        if self.modules:
            return self.modules[0].image.bits // 8
        return 4 if self.target.architecture in ("i386", "arm") else 8

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes of guest-virtual memory, or MemoryFault."""
        return self.memory.read(address, length)

    def read_upto(self, address: int, length: int) -> bytes:
        """`length` bytes, or as many as can be read before the first bad one; MemoryFault if that is the
        first.
        """
        try:
            return self.memory.read(address, length)
        except MemoryFault as fault:
            good = fault.address - address
            if not 0 < good < length:
                raise
            return self.memory.read(address, good)

    def look(self, address: int, length: int) -> bytes | memoryview:
        """The same as `read_upto`, where it lies if that is in a dump that is mapped: a gigabyte of heap is
        not copied.
        """
        still = self.target.run is None and self.target.consistent
        view = getattr(self.memory, "view", None) if still else None
        seen: memoryview | None = view(address, length) if view is not None else None
        return seen if seen is not None and len(seen) == length else self.read_upto(address, length)

    def module_at(self, address: int) -> Module | None:
        """The module whose loaded segments cover a run address."""
        return next((m for m in self.modules if m.contains(address)), None)

    def locate(self, address: int) -> Location:
        """What is known of a run address; the bare address where no module covers it."""
        module = self.module_at(address)
        return module.locate(address) if module else Location(Address(address))

    def locate_return(self, address: int) -> Location:
        """What is known of an address that a call returns to; the line is that of the call."""
        call = self.locate(address - 1)
        offset = call.offset + 1 if call.symbol else 0
        return Location(Address(address), call.symbol, offset, call.file, call.line)

    def registers(self, thread: str) -> Mapping[str, int | None]:
        """Registers of a thread; RegisterUnavailable where the target has none at all."""
        if self.target.registers is None:
            raise RegisterUnavailable("all", "this target keeps no registers")
        return self.target.registers.read(thread)

    def unwind(self, thread: str) -> tuple[Frame, ...]:
        """The frames of a thread, innermost first; `unidbg.program.unwind` also tells why they end."""
        from unidbg.program.unwind import backtrace

        return backtrace(self, self.registers(thread)).frames

    def disassemble(self, address: int, count: int) -> tuple[Instruction, ...]:
        """`count` instructions from a run address on; MemoryFault where there is no memory."""
        from unidbg.program.disassembly import disassemble

        return disassemble(self, address, count)

    def value(self, name: str) -> Value:
        """The global (static ones too) `name`; SymbolError when two modules define it differently."""
        module, variable = self._one(
            [(m, v) for m in self.modules for v in m.image.variables_named(name)], name
        )
        if variable.address is None:
            raise SymbolNotFound(
                f"`{name}` lies nowhere in memory (optimised out, or thread-local)", name=name
            )
        return self.value_at(variable.type, module.run_address(variable.address), module)

    def value_at(self, type_: t.Type, address: int, module: Module | None = None) -> Value:
        """What lies at a run address, read as `type_`."""
        owner = module or (self.modules[0] if self.modules else None)
        return Value(self.memory, type_, address, little_endian=owner.image.little_endian if owner else True)

    def _one(self, found: list[tuple[Module, Variable]], name: str) -> tuple[Module, Variable]:
        if not self.modules:
            raise NoDebugInfo(f"no image, so `{name}` means nothing; give one with --image FILE")
        places = {m.run_address(v.address) for m, v in found if v.address is not None}
        if len(places) > 1:
            where = ", ".join(_place(m, v) for m, v in found)
            raise SymbolError(f"`{name}` is defined more than once: {where}; say 'FILE'::{name}")
        with_address = [pair for pair in found if pair[1].address is not None]
        if with_address or found:
            return (with_address or found)[0]
        return self.modules[0], self.modules[0].image.variable(name)


def _place(module: Module, variable: Variable) -> str:
    where = f"{variable.file}:{variable.line}" if variable.file else module.image.path
    return f"{where} at {module.run_address(variable.address or 0):#x}"
