"""Registers in groups, and the flags inside those that have some (Intel SDM, volumes 1 and 3A)."""

from __future__ import annotations

from collections.abc import Mapping

from unidbg.views.inspect import Register

EFLAGS = {
    0: "CF",
    2: "PF",
    4: "AF",
    6: "ZF",
    7: "SF",
    8: "TF",
    9: "IF",
    10: "DF",
    11: "OF",
    14: "NT",
    16: "RF",
    17: "VM",
    18: "AC",
    21: "ID",
}
CR0 = {0: "PE", 1: "MP", 2: "EM", 3: "TS", 4: "ET", 5: "NE", 16: "WP", 18: "AM", 29: "NW", 30: "CD", 31: "PG"}
CR4 = {
    0: "VME",
    1: "PVI",
    2: "TSD",
    3: "DE",
    4: "PSE",
    5: "PAE",
    6: "MCE",
    7: "PGE",
    8: "PCE",
    9: "OSFXSR",
    10: "OSXMMEXCPT",
    11: "UMIP",
    12: "LA57",
    13: "VMXE",
    16: "FSGSBASE",
    17: "PCIDE",
    18: "OSXSAVE",
    20: "SMEP",
    21: "SMAP",
    22: "PKE",
    23: "CET",
}
EFER = {0: "SCE", 8: "LME", 10: "LMA", 11: "NXE"}
FLAGS = {"rflags": EFLAGS, "eflags": EFLAGS, "cr0": CR0, "cr4": CR4, "efer": EFER}

SEGMENTS = frozenset({"cs", "ss", "ds", "es", "fs", "gs", "fs_base", "gs_base", "k_gs_base"})
CONTROL = frozenset({"cr0", "cr2", "cr3", "cr4", "cr8", "efer"})
PREFIXES = {"xmm": "vector", "ymm": "vector", "zmm": "vector", "mm": "vector", "st": "float", "f": "float"}
WIDE = {"vector": 16, "float": 10}


def register_list(values: Mapping[str, int | None], pointer_bytes: int = 8) -> tuple[Register, ...]:
    """The registers in the target's order, each with its group and what its flags mean."""
    return tuple(_register(name, value, pointer_bytes) for name, value in values.items())


def _register(name: str, value: int | None, pointer_bytes: int) -> Register:
    group = group_of(name)
    size = {"segment": 4 if "base" not in name else pointer_bytes, **WIDE}.get(group, pointer_bytes)
    if name in ("eflags", "mxcsr") or name in _FPU:
        size = 4
    if value is not None:
        size = max(size, (value.bit_length() + 7) // 8)
    return Register(name, value, size, group, note(name, value))


_FPU = frozenset({"fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop"})


def group_of(name: str) -> str:
    """`general`, `segment`, `control`, `float` or `vector`."""
    if name in SEGMENTS:
        return "segment"
    if name in CONTROL:
        return "control"
    if name in _FPU:
        return "float"
    if name == "mxcsr":
        return "vector"
    kind = next(
        (g for prefix, g in PREFIXES.items() if name.startswith(prefix) and name[len(prefix) :].isdigit()), ""
    )
    return kind or "general"


def note(name: str, value: int | None) -> str:
    """The names of the flags that are set."""
    bits = FLAGS.get(name)
    if bits is None or value is None:
        return ""
    text = " ".join(flag for bit, flag in bits.items() if value >> bit & 1)
    level = value >> 12 & 3 if bits is EFLAGS else 0
    return f"{text} IOPL={level}" if level else text
