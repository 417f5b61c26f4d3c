"""Whose fault it is: the frame of a backtrace at which to begin to look.

For an exception that is the frame of the instruction that failed; who jumped, where that is no code; and who
called the panic function, where the guest stopped on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence

from unidbg.errors import SymbolError
from unidbg.program.program import Program
from unidbg.program.stepping import in_code
from unidbg.views.system import Frame

PANIC_DEPTH = 8
"""Frames between the instruction that stops the machine and the function that never returns, at most."""
INT3 = b"\xcc"
HALTING = (b"\x0f\x0b", b"\xf4")
"""Instructions with which kernels end: ud2, hlt."""


def culprit(program: Program, frames: Sequence[Frame], at: tuple[int, int] | None = None) -> int | None:
    """The index in `frames`; `at` is (pc, sp) of the frame that failed, where it is not the innermost."""
    start = _start(frames, at)
    if start is None:
        return None
    pc = frames[start].pc.address
    if program.modules and not in_code(program, pc + 1):
        return start + 1 if start + 1 < len(frames) else start
    return _behind_panic(program, frames, start) if _on_purpose(program, pc) else start


def _start(frames: Sequence[Frame], at: tuple[int, int] | None) -> int | None:
    """The frame that failed; of several (inlined ones come first) the innermost."""
    if at is None:
        return 0 if frames else None
    return next((frame.index for frame in frames if (frame.pc.address, frame.sp) == at), None)


def _on_purpose(program: Program, pc: int) -> bool:
    module = program.module_at(pc)
    if module is None:
        return False
    return module.code_before(pc, 1) == INT3 or module.linked(pc, 2).startswith(HALTING)


def _behind_panic(program: Program, frames: Sequence[Frame], start: int) -> int:
    """The caller of the outermost of the functions near `start` that never return."""
    never = [_never_returns(program, frame, frame.index > start) for frame in frames[: start + PANIC_DEPTH]]
    if not any(never[start:]):
        return start
    at = never.index(True, start)
    while at + 1 < len(never) and never[at]:
        at += 1
    return at


def _never_returns(program: Program, frame: Frame, called: bool) -> bool:
    """Whether the frame's function is declared so; an inlined one's frame is not looked at."""
    address = frame.pc.address - called
    module = program.module_at(address)
    if module is None or frame.how == "inline":
        return False
    try:
        function = module.image.function_at(module.link_address(address))
    except SymbolError:
        return False
    return function is not None and function.noreturn
