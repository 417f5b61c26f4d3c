"""Registers out of the notes of cores: Linux's, QEMU's, and what a Xen vCPU keeps.

Sources: Linux, include/linux/elfcore.h and arch/*/include/asm/user*.h; the FXSAVE area of the Intel SDM,
volume 1, 10.5; QEMU, target/i386/arch_dump.c; Xen, xen/include/public/arch-x86/xen.h.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

NT_PRSTATUS, NT_PRFPREG = 1, 2
Values = dict[str, int | None]


def names(text: str) -> list[str]:
    """The words."""
    return text.split()


_R8_TO_R15 = [f"r{n}" for n in range(8, 16)]
X86_64 = names(
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
    "ds es fs gs"
)
I386 = names("ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss")
AARCH64 = [*(f"x{n}" for n in range(31)), "sp", "pc", "cpsr"]
SHOWN = {
    "x86_64": [
        *names("rax rbx rcx rdx rsi rdi rbp rsp"),
        *_R8_TO_R15,
        *names("rip eflags cs ss ds es fs gs fs_base gs_base k_gs_base cr0 cr2 cr3 cr4 cr8 efer"),
    ],
    "i386": names("eax ecx edx ebx esp ebp esi edi eip eflags cs ss ds es fs gs"),
}
"""The order in which registers are shown, whatever the order in the note."""


class Place:
    """Where a note has its registers: names, bytes of each, offset, offset of the process id."""

    def __init__(self, names: list[str], word: str, offset: int, pid: int) -> None:
        self.names, self.offset, self.pid = names, offset, pid
        self.form = struct.Struct(f"<{len(names)}{word}")


PRSTATUS = {
    "x86_64": Place(X86_64, "Q", 112, 32),
    "aarch64": Place(AARCH64, "Q", 112, 32),
    "i386": Place(I386, "I", 72, 24),
}


def prstatus(machine: str, data: bytes) -> tuple[Values, int, int] | None:
    """(registers, signal, process id) of an NT_PRSTATUS; `None` where it is none that we know."""
    place = PRSTATUS.get(machine)
    if place is None or len(data) < place.offset + place.form.size:
        return None
    values: Values = dict(zip(place.names, place.form.unpack_from(data, place.offset), strict=True))
    values.pop("orig_rax", None)
    values.pop("orig_eax", None)
    signal, pid = struct.unpack_from("<H", data, 12)[0], struct.unpack_from("<I", data, place.pid)[0]
    return values, signal, pid


def fxsave(data: bytes) -> Values:
    """x87 and SSE registers of a 512-byte FXSAVE area (NT_PRFPREG of x86_64)."""
    if len(data) < 416:
        return {}
    control, status, tag, opcode, ip, dp, mxcsr = struct.unpack_from("<HHBxHQQI", data)
    values: Values = {f"st{n}": int.from_bytes(data[32 + 16 * n : 42 + 16 * n], "little") for n in range(8)}
    values |= {"fctrl": control, "fstat": status, "ftag": _full_tag(tag), "fop": opcode}
    values |= {"fioff": ip & 0xFFFF_FFFF, "fiseg": ip >> 32 & 0xFFFF}
    values |= {"fooff": dp & 0xFFFF_FFFF, "foseg": dp >> 32 & 0xFFFF}
    values |= {f"xmm{n}": int.from_bytes(data[160 + 16 * n : 176 + 16 * n], "little") for n in range(16)}
    return values | {"mxcsr": mxcsr}


def _full_tag(tag: int) -> int:
    """The tag word from its abridged form: a bit that is 0 says that a register is empty (11)."""
    return sum((0 if tag >> n & 1 else 3) << 2 * n for n in range(8))


_QEMU = struct.Struct("<II18Q" + "IIIIQ" * 10 + "6Q")
_QEMU_GENERAL = [*names("rax rbx rcx rdx rsi rdi rsp rbp"), *_R8_TO_R15, "rip", "eflags"]


def qemu_note(data: bytes) -> Values:
    """All that QEMU's own note of a vCPU of x86 has."""
    if len(data) < _QEMU.size:
        return {}
    fields = _QEMU.unpack_from(data)
    values: Values = dict(zip(_QEMU_GENERAL, fields[2:20], strict=True))
    segments = [fields[20 + 5 * n : 25 + 5 * n] for n in range(10)]
    for name, (selector, _, _, _, base) in zip(("cs", "ds", "es", "fs", "gs", "ss"), segments, strict=False):
        values[name] = selector
        if name in ("fs", "gs"):
            values[f"{name}_base"] = base
    cr0, _, cr2, cr3, cr4, kernel_gs = fields[70:76]
    return values | {"cr0": cr0, "cr2": cr2, "cr3": cr3, "cr4": cr4, "k_gs_base": kernel_gs}


XEN_CONTEXT_BYTES = 5168
_XEN_USER = struct.Struct("<15QIIQHHB3xQQ" + "H6x" * 5)


def xen_context(data: bytes) -> Values:
    """The registers of a `vcpu_guest_context_t` of x86_64; CR3 as the machine has it."""
    if len(data) < XEN_CONTEXT_BYTES:
        return {}
    fields = _XEN_USER.unpack_from(data, 520)
    values: Values = dict(zip(X86_64[:15], fields[:15], strict=True))
    _, _, rip, cs, _, _, flags, rsp, ss, es, ds, fs, gs = fields[15:]
    values |= {"rip": rip, "cs": cs, "eflags": flags, "rsp": rsp, "ss": ss, "es": es, "ds": ds}
    controls = struct.unpack_from("<5Q", data, 4984)
    fs_base, kernel_gs, user_gs = struct.unpack_from("<3Q", data, 5144)
    values |= {"fs": fs, "gs": gs, "fs_base": fs_base, "gs_base": user_gs, "k_gs_base": kernel_gs}
    values |= {"cr0": controls[0], "cr2": controls[2], "cr3": controls[3], "cr4": controls[4]}
    return values


def ordered(machine: str, values: Values) -> Values:
    """The registers in the order in which they are shown; those that no list names follow."""
    shown = [name for name in SHOWN.get(machine, ()) if name in values]
    rank = {name: number for number, name in enumerate(shown)}
    order: Callable[[str], int] = lambda name: rank.get(name, len(rank))  # noqa: E731
    return {name: values[name] for name in sorted(values, key=order)}
