"""From one frame to its caller by call-frame information (DWARF 5, section 6.4; the System V ABI's
numbers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unidbg.errors import MemoryFault, SymbolError
from unidbg.program.program import Program
from unidbg.program.stepping import Cursor, Step

if TYPE_CHECKING:
    from unidbg_symbols.dwarf.cfi_rows import CfiRow, RegisterRule

MASK = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class Abi:
    """DWARF's register numbers of a machine, and which registers a called function preserves."""

    names: tuple[str, ...]
    preserved: frozenset[str]
    pc: str
    sp: str
    fp: str


X86_64 = Abi(
    names=("rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16)), "rip"),
    preserved=frozenset({"rbx", "rbp", "r12", "r13", "r14", "r15"}),
    pc="rip",
    sp="rsp",
    fp="rbp",
)
AARCH64 = Abi(
    names=(*(f"x{n}" for n in range(31)), "sp", "pc"),
    preserved=frozenset({*(f"x{n}" for n in range(19, 30)), "x30"}),
    pc="pc",
    sp="sp",
    fp="x29",
)
ABIS = {"x86_64": X86_64, "aarch64": AARCH64}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`known`: the frame has CFI.

    Then `step` is the caller, or `None` at the bottom of the stack or by `fault`.
    """

    known: bool
    step: Step | None = None
    fault: str = ""


def step(program: Program, frame: Step) -> Outcome:
    """The caller of `frame`; not `known` where no image has CFI for it."""
    looked_up = frame.cursor.pc if frame.exact else frame.cursor.pc - 1
    module = program.module_at(looked_up)
    abi = ABIS.get(module.image.machine) if module else None
    if module is None or abi is None:
        return Outcome(False)
    try:
        row = module.image.unwind_row(module.link_address(looked_up))
        if row is None:
            return Outcome(False)
        return _Unwinder(program, abi, row, frame.cursor).caller()
    except MemoryFault as fault:
        return Outcome(True, None, f"the stack is unreadable at {fault.address:#x}: {fault.reason}")
    except SymbolError as error:
        return Outcome(False, None, f"the call-frame information is damaged: {error}")


class _Unwinder:
    """One row applied to the registers of one frame."""

    def __init__(self, program: Program, abi: Abi, row: CfiRow, cursor: Cursor) -> None:
        self._program = program
        self._abi = abi
        self._row = row
        self._registers = {**cursor.registers, abi.pc: cursor.pc, abi.sp: cursor.sp}

    def caller(self) -> Outcome:
        """The caller's registers."""
        cfa = self._cfa()
        if cfa is None:
            return Outcome(True, None, "a register that the call-frame information needs is unknown")
        back = self._row.registers.get(self._row.return_register)
        if back is not None and back.kind == "undefined":
            return Outcome(True)
        found = self._all(cfa)
        pc = found.get(self._name(self._row.return_register))
        if pc is None:
            return Outcome(True, None, "the return address is unknown")
        sp = found.get(self._abi.sp)
        found.update({self._abi.pc: pc, self._abi.sp: sp})
        cursor = Cursor(pc, cfa if sp is None else sp, found.get(self._abi.fp), found)
        return Outcome(True, Step(cursor, "cfi", exact=self._row.signal_frame))

    def _cfa(self) -> int | None:
        rule = self._row.cfa
        if rule.expression is not None:
            return self._evaluate(rule.expression, None)
        base = self._registers.get(self._name(rule.register))
        return None if base is None else (base + rule.offset) & MASK

    def _all(self, cfa: int) -> dict[str, int | None]:
        """Every register of the caller that can be known; segment and control registers stay as they are."""
        found: dict[str, int | None] = {
            name: value
            for name, value in self._registers.items()
            if name in self._abi.preserved or (self._row.signal_frame and name not in self._abi.names)
        }
        found[self._abi.sp] = cfa
        for number, rule in self._row.registers.items():
            found[self._name(number)] = self._value(rule, number, cfa)
        return found

    def _value(self, rule: RegisterRule, number: int, cfa: int) -> int | None:
        if rule.kind == "offset":
            return self._word((cfa + rule.value) & MASK)
        if rule.kind == "val_offset":
            return (cfa + rule.value) & MASK
        if rule.kind == "register":
            return self._registers.get(self._name(rule.value))
        if rule.kind == "same":
            return self._registers.get(self._name(number))
        if rule.kind == "val_expression":
            return self._evaluate(rule.expression, cfa)
        if rule.kind == "expression":
            address = self._evaluate(rule.expression, cfa)
            return None if address is None else self._word(address)
        return None

    def _name(self, number: int) -> str:
        names = self._abi.names
        return names[number] if 0 <= number < len(names) else f"column {number}"

    def _word(self, address: int) -> int:
        return int.from_bytes(self._program.read(address, self._program.pointer_bytes), "little")

    def _evaluate(self, expression: bytes, cfa: int | None) -> int | None:
        return None
