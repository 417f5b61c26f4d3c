"""Register layouts that need not be fetched: known by their name, or by the size of a `g` reply.

Our stub names its description, so that a client need not read it over a slow line. Stubs that describe
nothing are told apart by the size of `g`. Sources: stubs/arch/x86_64/registers.c; GDB's default amd64 layout;
Solo5's `hvt_gdb_x86_64.h` (general and x87 only: 276 bytes); QEMU's `gdb-xml/i386-64bit.xml` (608 bytes); the
classic i386 and aarch64 layouts.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from unidbg.rsp.registers import RegisterLayout, RegisterSpec

_Row = tuple[str, int, str]

_X87_CONTROL = ("fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop")
_SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs")
_SYSTEM = ("fs_base", "gs_base", "k_gs_base", "cr0", "cr2", "cr3", "cr4", "cr8", "efer")


def _rows(names: Iterable[str], size: int, group: str) -> list[_Row]:
    return [(name, size, group) for name in names]


def _x87() -> list[_Row]:
    stack = _rows((f"st{index}" for index in range(8)), 10, "float")
    return stack + _rows(_X87_CONTROL, 4, "float")


def _amd64_general() -> list[_Row]:
    names = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"] + [f"r{index}" for index in range(8, 16)]
    return [
        *_rows([*names, "rip"], 8, "general"),
        ("eflags", 4, "general"),
        *_rows(_SEGMENTS, 4, "segment"),
    ]


def _sse(count: int, group: str = "sse") -> list[_Row]:
    return [*_rows((f"xmm{index}" for index in range(count)), 16, group), ("mxcsr", 4, group)]


def _i386() -> list[_Row]:
    names = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags")
    return _rows(names, 4, "general") + _rows(_SEGMENTS, 4, "segment") + _x87()


def _aarch64() -> list[_Row]:
    names = [f"x{index}" for index in range(31)] + ["sp", "pc"]
    return [*_rows(names, 8, "general"), ("cpsr", 4, "general")]


def _layout(architecture: str, rows: list[_Row]) -> RegisterLayout:
    specs = [RegisterSpec(name, number, size, group) for number, (name, size, group) in enumerate(rows)]
    return RegisterLayout(architecture, tuple(specs))


@cache
def _known() -> dict[int, RegisterLayout]:
    """Layouts by the size of `g` in bytes; all sizes differ."""
    system = _rows(_SYSTEM, 8, "system")
    layouts = [
        _layout("x86_64", _amd64_general()),
        _layout("x86_64", _amd64_general() + _x87()),
        _layout("x86_64", _amd64_general() + _x87() + _sse(16)),
        _layout("x86_64", _amd64_general() + _x87() + _sse(16) + _rows(_SYSTEM[:2], 8, "system")),
        _layout("x86_64", _amd64_general() + system + _x87() + _sse(16)),
        _layout("i386", _i386()),
        _layout("i386", _i386() + _sse(8)),
        _layout("aarch64", _aarch64()),
    ]
    return {layout.size: layout for layout in layouts}


@cache
def named_layout(name: str) -> RegisterLayout | None:
    """The layout that our stub calls so in its qSupported reply, `None` for a name that is newer than we."""
    if name != "x86_64/1":
        return None
    general = [(register, size, "general") for register, size, _ in _amd64_general()]
    return _layout("x86_64", general + _x87() + _sse(16, "vector") + _rows(_SYSTEM, 8, "system"))


def layout_for_size(size: int) -> RegisterLayout | None:
    """The layout whose `g` has `size` bytes, `None` if no known stub sends that many."""
    return _known().get(size)
