"""Physical memory: the target's own, or what the guest has mapped of it."""

from __future__ import annotations

from unidbg.errors import MemoryFault, SymbolError
from unidbg.profiles import records
from unidbg.profiles.base import Context
from unidbg.program.paging import PhysicalThroughVirtual
from unidbg.structures.faults import Faults
from unidbg.target.base import AddressSpace


def physical_memory(context: Context) -> AddressSpace:
    """As the target reads it, else through the mapping at the `physical_offset` of the probe `memory`."""
    program = context.program
    return program.target.physical or PhysicalThroughVirtual(program.memory, _offset(context))


def _offset(context: Context) -> int:
    """0 where the guest does not say: physical memory is then taken to be mapped one to one."""
    program = context.program
    for module in program.modules:
        for record in records.read_records(program, module, Faults()):
            if record.kind == "memory":
                try:
                    layout = records.object_of(program, module, record)
                    return layout.member_("physical_offset").int_() if layout.has_("physical_offset") else 0
                except (SymbolError, MemoryFault):
                    return 0
    return 0
