"""A guest that stands in its own stub, seen from outside: by QEMU's gdbstub or in a dump.

To the hypervisor its CPU runs. Why it stands, and with which registers, is in the stub's own structure,
which a probe of kind `stub` exports (docs/abi.md).
"""

from __future__ import annotations

import re

from unidbg.errors import SymbolError
from unidbg.profiles import records
from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.structures.faults import Faults
from unidbg.views.record import Record, record


@record
class Standing(Record):
    """Why the guest cannot go on, and the program counter and stack pointer with which it stands."""

    text: str
    pc: int
    sp: int


def standing(context: Context) -> Standing | None:
    """`None` where the guest runs, or has no stub that tells."""
    stub = exported(context, "stub")
    return None if stub is None else _told(stub)


def explained(context: Context, text: str) -> str:
    """Why the guest died, with what the addresses in the sentence mean: a guard page is a stack's end."""
    memory = exported(context, "memory")
    if memory is None or not memory.has("guards"):
        return text
    guards = memory.structs("guards", "guard_count")
    spans = [(guard.address("start"), guard.address("end")) for guard in guards]
    numbers = [int(number, 16) for number in _ADDRESS.findall(text)]
    if any(start <= number < end for number in numbers for start, end in spans):
        return f"{text}; a stack has grown into its guard page"
    return text


_ADDRESS = re.compile(r"\b0x[0-9a-f]{1,16}\b")


def exported(context: Context, kind: str) -> Fields | None:
    """The object of the first probe of `kind`; what is wrong with it is told elsewhere, in its own view."""
    program, faults = context.program, Faults()
    for module in program.modules:
        for found in records.read_records(program, module, faults):
            if found.kind != kind:
                continue
            try:
                return Fields(program, records.object_of(program, module, found), faults)
            except SymbolError:
                continue
    return None


def _told(stub: Fields) -> Standing | None:
    if not (stub.has("frame") and stub.has("text")) or not stub.address("frame"):
        return None
    frame, text = stub.struct("frame", "frame"), stub.text("text")
    if frame is None or not text or not frame.has("rip"):
        return None
    return Standing(text, frame.address("rip"), frame.address("rsp"))
