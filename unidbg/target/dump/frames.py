"""The registers in a core that a guest sent by itself: a note of the stub's own for each thread.

Source: stubs/crash/core.c and the frames of unidbg/x86_64.h; docs/dumps.md, note 0x106.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from unidbg.target.dump.elf import Note
from unidbg.target.dump.registers import NT_PRFPREG, Values, fxsave, names

OWNER, NT_FRAME = b"unidbg", 0x106
_HEAD = struct.Struct("<16sQQ")
_SAVED, _VOLATILE, _FLOATING, _SYSTEM = 1, 2, 4, 8
"""Groups of registers that are known: UNIDBG_CALLEE_SAVED and its kin."""
_X86_64 = names(
    "cr0 cr2 cr3 cr4 cr8 efer fs_base gs_base k_gs_base ds es fs gs reserved rax rbx rcx rdx rsi rdi rbp "
    "r8 r9 r10 r11 r12 r13 r14 r15 vector error_code rip cs eflags rsp ss"
)
_CALLEE_SAVED = frozenset(names("rbx rbp rsp r12 r13 r14 r15 rip"))
_SYSTEM_ONES = frozenset(names("cr0 cr2 cr3 cr4 cr8 efer fs_base gs_base k_gs_base ds es fs gs cs ss"))
_NONE = frozenset(("reserved", "vector", "error_code"))


def thread_frames(notes: Sequence[Note]) -> dict[str, Values]:
    """The registers of each thread by its id; a register that is not known is `None`."""
    found: dict[str, Values] = {}
    floating: Values = {}
    for note in notes:
        if note.owner == b"CORE" and note.type == NT_PRFPREG:
            floating = fxsave(note.data)
        elif note.owner == OWNER and note.type == NT_FRAME:
            decoded = _decode(note.data, floating)
            if decoded is not None:
                found[decoded[0]] = decoded[1]
            floating = {}
    return found


def _decode(data: bytes, floating: Values) -> tuple[str, Values] | None:
    size = _HEAD.size + 8 * len(_X86_64)
    if len(data) < size:
        return None
    name, thread, known = _HEAD.unpack_from(data)
    if name.rstrip(b"\0") != b"x86_64/1":
        return None
    raw = dict(zip(_X86_64, struct.unpack_from(f"<{len(_X86_64)}Q", data, _HEAD.size), strict=True))
    values: Values = {
        name: value if known & _group(name) else None for name, value in raw.items() if name not in _NONE
    }
    return f"{thread:x}", values | (floating if known & _FLOATING else {})


def _group(name: str) -> int:
    if name in _CALLEE_SAVED:
        return _SAVED
    return _SYSTEM if name in _SYSTEM_ONES else _VOLATILE
