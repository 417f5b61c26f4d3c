"""From one frame to its caller by call-frame information; the rules themselves are evaluated by the image's
engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from unidbg.errors import MemoryFault, SymbolError
from unidbg.program.program import Program
from unidbg.program.stepping import Cursor, Step

if TYPE_CHECKING:
    from unidbg_symbols.dwarf.cfi_rows import CfiRow
    from unidbg_symbols.registers import RegisterFile
    from unidbg_symbols.requests import Answer, Request
    from unidbg_symbols.unwind import CallerFrame

MASK = 0xFFFF_FFFF_FFFF_FFFF


class Outcome(NamedTuple):
    """`known`: the frame has CFI.

    Then `step` is the caller, or `None` at the bottom of the stack or by `fault`.
    """

    known: bool
    step: Step | None = None
    fault: str = ""


UNKNOWN = Outcome(False)


def step(program: Program, frame: Step) -> Outcome:
    """The caller of `frame`; not `known` where no image has CFI for it."""
    from unidbg_symbols.registers import register_file

    looked_up = frame.cursor.pc if frame.exact else frame.cursor.pc - 1
    module = program.module_at(looked_up)
    file = register_file(module.image.machine) if module else None
    if module is None or file is None:
        return UNKNOWN
    try:
        row = module.image.unwind_row(module.link_address(looked_up))
        return UNKNOWN if row is None else _outcome(row, file, _caller(program, frame, row, file))
    except SymbolError as error:
        return Outcome(False, None, f"the call-frame information is of no use at {looked_up:#x}: {error}")


def canonical_frame_address(program: Program, frame: Step) -> int | None:
    """The CFA of a frame, `None` where no call-frame information tells it."""
    from unidbg_symbols.registers import register_file

    looked_up = frame.cursor.pc if frame.exact else frame.cursor.pc - 1
    module = program.module_at(looked_up)
    file = register_file(module.image.machine) if module else None
    if module is None or file is None:
        return None
    try:
        row = module.image.unwind_row(module.link_address(looked_up))
        return None if row is None else _caller(program, frame, row, file).cfa
    except SymbolError:
        return None


def _caller(program: Program, frame: Step, row: CfiRow, file: RegisterFile) -> CallerFrame:
    from unidbg_symbols.requests import MemoryRequest, drive
    from unidbg_symbols.unwind import unwind_frame

    def answer(request: Request) -> Answer:
        if not isinstance(request, MemoryRequest):
            return None
        try:
            return program.read(request.address & MASK, request.size)
        except MemoryFault:
            return None

    registers = _numbered(frame.cursor, file)
    return drive(unwind_frame(row, registers, file), answer)


def _numbered(cursor: Cursor, file: RegisterFile) -> dict[int, int]:
    """The frame's registers by DWARF number."""
    known = {**cursor.registers, file.counter: cursor.pc, file.names[file.stack]: cursor.sp}
    numbered = {file.number(name): value for name, value in known.items() if value is not None}
    return {number: value for number, value in numbered.items() if number is not None}


def _outcome(row: CfiRow, file: RegisterFile, caller: CallerFrame) -> Outcome:
    back = row.registers.get(row.return_register)
    if back is not None and back.kind == "undefined":
        return Outcome(True)
    if caller.pc is None:
        return Outcome(
            True, None, f"the stack is unreadable below {caller.cfa:#x}, where the return address lies"
        )
    kept = ((number, value) for number, value in caller.registers.items() if number < len(file.names))
    named = {file.names[number]: value for number, value in kept}
    named[file.counter] = caller.pc
    cursor = Cursor.of(named)
    if cursor is None:
        return Outcome(True, None, "the caller's stack pointer is unknown")
    return Outcome(True, Step(cursor, "cfi", exact=caller.exact))
