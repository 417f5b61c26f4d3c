"""Registers by their DWARF numbers, as each psABI assigns them, and which of them a callee preserves."""

from __future__ import annotations

from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


class RegisterFile(Record):
    """`names` by number, `preserved` numbers, number of the `stack` pointer, `bits` of an address."""

    __slots__ = ("names", "preserved", "stack", "counter", "bits")

    def __init__(
        self, names: tuple[str, ...], preserved: frozenset[int], stack: int, counter: str, bits: int
    ) -> None:
        self.names: Final = names
        self.preserved: Final = preserved
        self.stack: Final = stack
        self.counter: Final = counter  # the name of the program counter
        self.bits: Final = bits

    def number(self, name: str) -> int | None:
        """The DWARF number of a register."""
        return self.names.index(name) if name in self.names else None


def _numbered(prefix: str, first: int, last: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in range(first, last + 1))


_X86_64 = RegisterFile(
    (
        "rax",
        "rdx",
        "rcx",
        "rbx",
        "rsi",
        "rdi",
        "rbp",
        "rsp",
        *_numbered("r", 8, 15),
        "rip",
        *_numbered("xmm", 0, 15),
    ),
    frozenset({3, 6, 12, 13, 14, 15}),
    7,
    "rip",
    64,
)
_I386 = RegisterFile(
    ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip"), frozenset({3, 5, 6, 7}), 4, "eip", 32
)
_AARCH64 = RegisterFile((*_numbered("x", 0, 30), "sp", "pc"), frozenset(range(19, 30)), 31, "pc", 64)
_ARM = RegisterFile((*_numbered("r", 0, 12), "sp", "lr", "pc"), frozenset(range(4, 12)), 13, "pc", 32)
_RISCV_NAMES = (
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1", *_numbered("a", 0, 7),
    *_numbered("s", 2, 11), "t3", "t4", "t5", "t6",
)  # fmt: skip
_RISCV_PRESERVED = frozenset({3, 4, 8, 9, *range(18, 28)})
_FILES = {
    "x86_64": _X86_64,
    "i386": _I386,
    "aarch64": _AARCH64,
    "arm": _ARM,
    "riscv64": RegisterFile(_RISCV_NAMES, _RISCV_PRESERVED, 2, "pc", 64),
    "riscv32": RegisterFile(_RISCV_NAMES, _RISCV_PRESERVED, 2, "pc", 32),
}


def register_file(machine: str) -> RegisterFile | None:
    """The registers of a machine as `Image.machine` names it, None where we do not know them."""
    return _FILES.get(machine)
