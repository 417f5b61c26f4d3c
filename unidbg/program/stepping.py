"""From one frame to its caller without call-frame information: by the frame pointer, or by guessing."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from unidbg.errors import MemoryFault
from unidbg.program.program import Program

MAX_FRAME_BYTES = 1 << 20
"""A frame larger than this is none."""
GUESS_BYTES = 1024
"""Bytes above the stack pointer that are searched for a return address."""
CALL_LENGTHS = (5, 2, 3, 6, 7, 4, 8)
"""Lengths of x86_64 call instructions, the likely ones first."""
NAMES = {"pc": ("rip", "pc", "eip"), "sp": ("rsp", "sp", "esp"), "fp": ("rbp", "x29", "fp", "ebp")}


class Cursor(NamedTuple):
    """The registers that one frame is known by, under their architectural names."""

    pc: int
    sp: int
    fp: int | None
    registers: Mapping[str, int | None]

    @classmethod
    def of(cls, registers: Mapping[str, int | None]) -> Cursor | None:
        """From all registers of a thread; `None` without a program counter or a stack pointer."""
        pc, sp, fp = (_first(registers, NAMES[kind]) for kind in ("pc", "sp", "fp"))
        return None if pc is None or sp is None else cls(pc, sp, fp, registers)


class Step(NamedTuple):
    """A frame and how it was found. `exact`: its pc is the next instruction to run, not a return address."""

    cursor: Cursor
    how: str
    exact: bool = False


def _first(registers: Mapping[str, int | None], names: tuple[str, ...]) -> int | None:
    return next((registers[name] for name in names if registers.get(name) is not None), None)


def in_code(program: Program, pc: int) -> bool:
    """Whether `pc` (a return address too) lies in the code of an image; anything goes without images."""
    if not program.modules:
        return pc != 0
    module = program.module_at(pc - 1)
    return module is not None and module.in_text(module.link_address(pc - 1))


def by_return_address(program: Program, step: Step) -> Step | None:
    """The caller of code that is none: the jump there was the last that happened, so nothing but the return
    address was pushed.
    """
    words = _words(program, step.cursor.sp, 1)
    if words is None or not in_code(program, words[0]) or not _behind_call(program, words[0]):
        return None
    pc, sp = words[0], step.cursor.sp + program.pointer_bytes
    return Step(
        Cursor(pc, sp, step.cursor.fp, {**step.cursor.registers, "rip": pc, "rsp": sp}), "return-address"
    )


def by_frame_pointer(program: Program, step: Step) -> Step | None:
    """The caller by the chain of frame pointers: at it lie the caller's, and the return address."""
    fp, sp = step.cursor.fp, step.cursor.sp
    word = program.pointer_bytes
    if fp is None or fp % word or not sp - word <= fp < sp + MAX_FRAME_BYTES:
        return None
    words = _words(program, fp, 2)
    if words is None:
        return None
    caller_fp, pc = words
    if not in_code(program, pc) or (_is_x86(program) and not _behind_call(program, pc)):
        return None
    return Step(_moved(step, pc, fp + 2 * word, caller_fp), "frame-pointer")


def by_guess(program: Program, step: Step) -> Step | None:
    """The nearest word on the stack that is an address behind a call instruction."""
    if not _is_x86(program):
        return None
    word = program.pointer_bytes
    start = (step.cursor.sp + word - 1) & -word
    words = _words(program, start, GUESS_BYTES // word)
    for index, pc in enumerate(words or ()):
        if in_code(program, pc) and _behind_call(program, pc):
            return Step(_moved(step, pc, start + (index + 1) * word, step.cursor.fp), "guess")
    return None


def _is_x86(program: Program) -> bool:
    return bool(program.modules) and program.modules[0].image.machine == "x86_64"


def _moved(step: Step, pc: int, sp: int, fp: int | None) -> Cursor:
    known = {name: value for name, value in step.cursor.registers.items() if name in _PRESERVED}
    return Cursor(pc, sp, fp, {**known, "rip": pc, "rsp": sp, "rbp": fp})


_PRESERVED = frozenset({"rbx", "r12", "r13", "r14", "r15"})


def _words(program: Program, address: int, count: int) -> tuple[int, ...] | None:
    """`count` words, or as many as there are up to the end of the page, or `None`."""
    word = program.pointer_bytes
    for length in (count * word, min(count * word, 4096 - address % 4096)):
        length -= length % word
        try:
            data = program.read(address, length)
        except MemoryFault:
            continue
        return struct.unpack(f"<{length // word}{'Q' if word == 8 else 'I'}", data) if length else None
    return None


def _behind_call(program: Program, pc: int) -> bool:
    """Whether the instruction before `pc` is a call: `e8 rel32`, or `ff /2`."""
    module = program.module_at(pc - 1)
    if module is None:
        return False
    before = module.code_before(pc, max(CALL_LENGTHS))
    return any(len(before) >= n and _is_call(before[-n:]) for n in CALL_LENGTHS)


def _is_call(code: bytes) -> bool:
    if code[0] in (0x41, 0x3E, 0xF2):
        code = code[1:]
    if len(code) == 5 and code[0] == 0xE8:
        return True
    return len(code) >= 2 and code[0] == 0xFF and code[1] >> 3 & 7 == 2 and len(code) == _modrm_length(code)


def _modrm_length(code: bytes) -> int:
    """Bytes of an instruction of one opcode byte and a ModRM operand."""
    mode, operand = code[1] >> 6, code[1] & 7
    if mode == 3:
        return 2
    length = 2 + (operand == 4)
    if mode == 1:
        return length + 1
    if mode == 2 or operand == 5:
        return length + 4
    sib_base = code[2] & 7 if operand == 4 and len(code) > 2 else 0
    return length + (4 if operand == 4 and sib_base == 5 else 0)
