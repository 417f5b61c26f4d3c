"""Backtraces: by call-frame information, else by frame pointers, else by a guess that is labelled as one.

Bounded, and total: what keeps it from going on is a fault of the thread, never an exception. It goes through
exception frames where the kernel's CFI marks them as signal frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

from unidbg.program import cfi
from unidbg.program.module import Module
from unidbg.program.program import Program
from unidbg.program.stepping import (
    Cursor,
    Step,
    by_frame_pointer,
    by_guess,
    by_link_register,
    by_return_address,
    in_code,
)
from unidbg.program.tailcalls import jumps_between
from unidbg.views.base import Address, Location
from unidbg.views.system import Frame, Variable

if TYPE_CHECKING:
    from unidbg_symbols.dwarf.functions import CodeFrame

MAX_FRAMES = 256
MAX_GUESSES = 8


class Trace(NamedTuple):
    """Frames, innermost first, and why the way up ended where that is not the natural end."""

    frames: tuple[Frame, ...]
    faults: tuple[str, ...]


def backtrace(program: Program, registers: Mapping[str, int | None], *, variables: bool = False) -> Trace:
    """The frames of the thread that has `registers`, where wanted with their parameters and variables."""
    cursor = Cursor.of(registers)
    if cursor is None:
        return Trace((), ("the target tells neither program counter nor stack pointer",))
    frames: list[Frame] = []
    faults: list[str] = []
    steps = list(_with_jumps(program, list(islice(_steps(program, cursor, faults), MAX_FRAMES + 1))))
    for number in range(len(steps)):
        frames.extend(_frames(program, steps[number:], len(frames), variables))
        if len(frames) >= MAX_FRAMES:
            faults.append(f"more than {MAX_FRAMES} frames: the rest is left out")
            break
    return Trace(tuple(frames[:MAX_FRAMES]), tuple(faults))


def _with_jumps(program: Program, steps: Sequence[Step]) -> Iterator[Step]:
    """The frames of the stack, and between them functions that ended in a jump: the stack has those not.

    They have the registers of their caller, for they had given back what they must preserve.
    """
    for callee, caller in pairwise(steps):
        yield callee
        for address in jumps_between(program, callee, caller):
            yield Step(caller.cursor._replace(pc=address), "tail-call")
    yield from steps[-1:]


def _steps(program: Program, cursor: Cursor, faults: list[str]) -> Iterator[Step]:
    """Each frame's registers with how they were found, from the innermost up."""
    step = Step(cursor, "pc", exact=True)
    guesses = 0
    while True:
        yield step
        following = _up(program, step, faults)
        if following is None:
            return
        guesses += following.how == "guess"
        if guesses > MAX_GUESSES:
            return
        if not _grows(step, following):
            faults.append(f"the stack does not grow at {following.cursor.sp:#x}: it is corrupt from here on")
            return
        step = following


def _grows(step: Step, caller: Step) -> bool:
    """Whether a caller lies above its callee, as it must on one stack.

    Where a call leaves the return address in a register, a function without a frame of its own lies level.
    """
    level = step.exact and "x30" in step.cursor.registers
    return caller.exact or caller.cursor.sp > step.cursor.sp or (level and caller.cursor.sp == step.cursor.sp)


def _up(program: Program, step: Step, faults: list[str]) -> Step | None:
    """The caller of `step`; `None` at the bottom, with a fault where it is not the bottom by right."""
    if _is_entry(program, step):
        return None
    if program.modules and not step.exact and not in_code(program, step.cursor.pc):
        return None
    found = cfi.step(program, step)
    if found.known:
        faults.extend([found.fault] if found.fault else [])
        return _checked(program, found.step, faults) if found.step else None
    following = next(filter(None, (way(program, step) for way in _WAYS)), None)
    if following is None and found.fault:
        faults.append(found.fault)
    return following


def _wild(program: Program, step: Step) -> Step | None:
    """Who called what is no code: data, the heap, NULL."""
    if not step.exact or not program.modules or in_code(program, step.cursor.pc + 1):
        return None
    return by_return_address(program, step)


_WAYS = (_wild, by_link_register, by_frame_pointer, by_guess)
"""Without call-frame information, the surest first."""


def _checked(program: Program, step: Step, faults: list[str]) -> Step | None:
    """A frame found by CFI, if its program counter can be one; 0 is the bottom of a stack.

    An exception can come from anywhere, a wild jump among it.
    """
    pc = step.cursor.pc
    if step.exact:
        return step
    if pc == 0:
        return None
    if not in_code(program, pc):
        faults.append(f"the return address {pc:#x} is not in the code of any image")
        return None
    return step


def _is_entry(program: Program, step: Step) -> bool:
    """Whether the frame is the image's entry point: nobody called it."""
    module = program.module_at(step.cursor.pc)
    if module is None or step.how == "pc":
        return False
    symbol = module.image.symbol_at(module.link_address(step.cursor.pc - 1))
    return symbol is not None and symbol.address == module.image.entry and module.image.entry != 0


def _frames(program: Program, steps: Sequence[Step], index: int, with_variables: bool) -> Iterator[Frame]:
    """The frame of the first step, behind those of the functions that were inlined where it is."""
    step = steps[0]
    pc, sp = step.cursor.pc, Address(step.cursor.sp)
    # A return address belongs to the call before it.
    looked_up = pc if step.exact else pc - 1
    module = program.module_at(looked_up)
    if module is None:
        yield Frame(index, Location(Address(pc)), sp, step.how)
        return
    found = module.frames(looked_up)
    known: list[tuple[Variable, ...]] = []
    if with_variables and step.how != "tail-call":
        known = _variables(program, module, steps, looked_up)
    known.extend([()] * (max(len(found), 1) - len(known)))
    for depth, frame in enumerate(found[:-1]):
        where = Location(Address(pc), frame.function, 0, frame.file or None, frame.line or None)
        yield Frame(index + depth, where, sp, "inline", known[depth])
    last = max(len(found) - 1, 0)
    yield Frame(index + last, _outermost(module, pc, looked_up, found), sp, step.how, known[last])


def _variables(
    program: Program, module: Module, steps: Sequence[Step], looked_up: int
) -> list[tuple[Variable, ...]]:
    from unidbg.program.variables import variables

    return variables(program, module, steps, looked_up)


def _outermost(module: Module, pc: int, looked_up: int, found: Sequence[CodeFrame]) -> Location:
    """The function that has the stack frame: its symbol, and the line in it (of the call, where code was
    inlined).
    """
    place = module.locate(looked_up)
    if found and place.symbol is None:
        place = replace(place, symbol=found[-1].function or None)
    if found and found[-1].line:
        place = replace(place, file=found[-1].file or None, line=found[-1].line)
    return replace(place, address=Address(pc), offset=place.offset + pc - looked_up if place.symbol else 0)
