"""A guest that stands in its own stub, seen from outside: by QEMU's gdbstub or in a dump.

To the hypervisor its CPU runs. Why it stands, and with which registers, is in the stub's own structure,
which a probe of kind `stub` exports (docs/abi.md).
"""

from __future__ import annotations

from unidbg.errors import SymbolError
from unidbg.profiles import records
from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.structures.faults import Faults
from unidbg.views.record import Record, record

KIND = "stub"


@record
class Standing(Record):
    """Why the guest cannot go on, and the program counter and stack pointer with which it stands."""

    text: str
    pc: int
    sp: int


def standing(context: Context) -> Standing | None:
    """`None` where the guest runs, or has no stub that tells."""
    program, faults = context.program, Faults()
    for module in program.modules:
        for found in records.read_records(program, module, faults):
            if found.kind != KIND:
                continue
            try:
                stub = Fields(program, records.object_of(program, module, found), faults)
            except SymbolError:
                continue
            if (told := _told(stub)) is not None:
                return told
    return None


def _told(stub: Fields) -> Standing | None:
    if not (stub.has("frame") and stub.has("text")) or not stub.address("frame"):
        return None
    frame, text = stub.struct("frame", "frame"), stub.text("text")
    if frame is None or not text or not frame.has("rip"):
        return None
    return Standing(text, frame.address("rip"), frame.address("rsp"))
