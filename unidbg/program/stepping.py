"""From one frame to its caller without call-frame information: by the frame pointer, or by guessing."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from unidbg.errors import MemoryFault, SymbolError
from unidbg.program.program import Program

MAX_FRAME_BYTES = 1 << 20
"""A frame larger than this is none."""
GUESS_BYTES = 1024
"""Bytes above the stack pointer that are searched for a return address."""
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
    address was pushed, or it is in the link register still.
    """
    sp = step.cursor.sp
    if _machine(program) == "aarch64":
        pc = step.cursor.registers.get("x30")
    else:
        words = _words(program, sp, 1)
        pc, sp = words[0] if words else None, sp + program.pointer_bytes
    if pc is None or not in_code(program, pc) or not _behind_call(program, pc):
        return None
    names = _names(program)
    moved = {**step.cursor.registers, names.counter: pc, names.stack: sp}
    return Step(Cursor(pc, sp, step.cursor.fp, moved), "return-address")


def by_link_register(program: Program, step: Step) -> Step | None:
    """The caller of an innermost function that did not save the link register, or gave it back already.

    One that called something holds an address of its own there: then the frame pointer knows.
    """
    pc = step.cursor.registers.get("x30")
    if _machine(program) != "aarch64" or step.how != "pc" or pc is None or not in_code(program, pc):
        return None
    if not _behind_call(program, pc) or _same_function(program, pc - 1, step.cursor.pc):
        return None
    names = _names(program)
    moved = {**step.cursor.registers, names.counter: pc}
    return Step(Cursor(pc, step.cursor.sp, step.cursor.fp, moved), "link-register")


def _same_function(program: Program, first: int, second: int) -> bool:
    here, there = program.locate(first), program.locate(second)
    return here.address - here.offset == there.address - there.offset


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
    if not in_code(program, pc) or (_knows_calls(program) and not _behind_call(program, pc)):
        return None
    return Step(_moved(program, step, pc, fp + 2 * word, caller_fp), "frame-pointer")


def by_guess(program: Program, step: Step) -> Step | None:
    """The nearest word on the stack that is an address behind a call instruction."""
    if not _knows_calls(program):
        return None
    word = program.pointer_bytes
    start = (step.cursor.sp + word - 1) & -word
    words = _words(program, start, GUESS_BYTES // word)
    for index, pc in enumerate(words or ()):
        if in_code(program, pc) and _behind_call(program, pc):
            return Step(_moved(program, step, pc, start + (index + 1) * word, step.cursor.fp), "guess")
    return None


def _machine(program: Program) -> str:
    return program.modules[0].image.machine if program.modules else program.target.architecture


def _knows_calls(program: Program) -> bool:
    return bool(program.modules) and _machine(program) in ("x86_64", "i386", "aarch64")


class _Names(NamedTuple):
    """Of the registers that a frame is known by, and of those that a callee preserves."""

    counter: str = "rip"
    stack: str = "rsp"
    frame: str = "rbp"
    preserved: frozenset[str] = frozenset({"rbx", "r12", "r13", "r14", "r15"})


_NAMES = {
    "aarch64": _Names("pc", "sp", "x29", frozenset(f"x{number}" for number in range(19, 29))),
    "i386": _Names("eip", "esp", "ebp", frozenset({"ebx", "esi", "edi"})),
}


def _names(program: Program) -> _Names:
    return _NAMES.get(_machine(program), _Names())


def _moved(program: Program, step: Step, pc: int, sp: int, fp: int | None) -> Cursor:
    names = _names(program)
    known = {name: value for name, value in step.cursor.registers.items() if name in names.preserved}
    return Cursor(pc, sp, fp, {**known, names.counter: pc, names.stack: sp, names.frame: fp})


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
    """Whether the instruction before `pc` is a call."""
    from unidbg_symbols.calls import follows_call

    module = program.module_at(pc - 1)
    try:
        return module is not None and follows_call(module.image, module.link_address(pc))
    except SymbolError:
        return False
