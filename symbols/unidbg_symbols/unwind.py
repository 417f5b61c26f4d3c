"""From a frame to its caller, by a row of call frame information. A generator: it asks for memory.

row = image.unwind_row(pc)
caller = drive(unwind_frame(row, registers, register_file(image.machine)), answer)
"""

from __future__ import annotations

from unidbg_symbols.dwarf.expression import UnknownValue, evaluate
from unidbg_symbols.record import Record
from unidbg_symbols.requests import CfaRequest, FrameBaseRequest, MemoryRequest, RegisterRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import Final

    from unidbg_symbols.dwarf.cfi_rows import CfiRow, RegisterRule
    from unidbg_symbols.registers import RegisterFile
    from unidbg_symbols.requests import Answer, Request

    Asking = Generator[Request, Answer, int | None]

_VIRTUAL_BITS = 48  # of an aarch64 address; pointer authentication uses those above


class CallerFrame(Record):
    """The caller's registers by DWARF number (only what is known), its `pc`, and the CFA of the callee.

    `pc` is None where there is no caller. `exact` is true where `pc` is an instruction still to be executed,
    as after an interrupt, not a return address.
    """

    __slots__ = ("registers", "pc", "cfa", "exact")

    def __init__(self, registers: Mapping[int, int], pc: int | None, cfa: int, exact: bool) -> None:
        self.registers: Final = registers
        self.pc: Final = pc
        self.cfa: Final = cfa
        self.exact: Final = exact


def unwind_frame(
    row: CfiRow, registers: Mapping[int, int], file: RegisterFile, *, little_endian: bool = True
) -> Generator[Request, Answer, CallerFrame]:
    """The caller of a frame with these registers (by DWARF number).

    Asks for memory only; UnknownValue when the CFA cannot be computed from what is known.
    """
    unwinder = _Unwinder(row, registers, file, "little" if little_endian else "big")
    cfa = yield from unwinder.cfa()
    found: dict[int, int] = {}
    for number in unwinder.numbers():
        value = yield from unwinder.caller_value(number, cfa)
        if value is not None:
            found[number] = value & unwinder.mask
    pc = found.get(row.return_register)
    rule = row.registers.get(row.return_register)
    if rule is not None and rule.kind == "undefined":
        pc = None
    if pc is not None and row.signed_return_address:
        pc = _without_signature(pc)
        found[row.return_register] = pc
    return CallerFrame(found, pc, cfa, row.signal_frame)


class _Unwinder:
    def __init__(self, row: CfiRow, registers: Mapping[int, int], file: RegisterFile, byteorder: str) -> None:
        self._row = row
        self._registers = registers
        self._file = file
        self._byteorder = byteorder
        self._size = file.bits // 8
        self.mask: Final = (1 << file.bits) - 1

    def numbers(self) -> list[int]:
        """The integer registers that the caller may know."""
        ruled = (number for number in self._row.registers if number < len(self._file.names))
        return sorted({*ruled, *self._file.preserved, self._file.stack, self._row.return_register})

    def cfa(self) -> Generator[Request, Answer, int]:
        """The canonical frame address."""
        rule = self._row.cfa
        if rule.expression is not None:
            value = yield from self._compute(rule.expression, ())
        else:
            register = self._registers.get(rule.register)
            value = None if register is None else register + rule.offset
        if value is None:
            raise UnknownValue(f"register {rule.register} is unknown, and with it the frame")
        return value & self.mask

    def caller_value(self, number: int, cfa: int) -> Asking:
        """A register as the caller had it, None where it is lost."""
        rule = self._row.registers.get(number)
        if rule is None:
            if number == self._file.stack:
                return cfa
            kept = number in self._file.preserved or number == self._row.return_register
            return self._registers.get(number) if kept else None
        return (yield from self._by_rule(rule, number, cfa))

    def _by_rule(self, rule: RegisterRule, number: int, cfa: int) -> Asking:
        if rule.kind == "offset":
            return (yield from self._load(cfa + rule.value))
        if rule.kind == "same":
            return self._registers.get(number)
        if rule.kind == "val_offset":
            return cfa + rule.value
        if rule.kind == "register":
            return self._registers.get(rule.value)
        if rule.kind == "undefined":
            return None
        value = yield from self._compute(rule.expression, (cfa,))
        if rule.kind == "val_expression" or value is None:
            return value
        return (yield from self._load(value))

    def _load(self, address: int) -> Asking:
        answer = yield MemoryRequest(address & self.mask, self._size)
        if not isinstance(answer, bytes) or len(answer) != self._size:
            return None
        return int.from_bytes(answer, "little" if self._byteorder == "little" else "big")

    def _compute(self, expression: bytes, initial: tuple[int, ...]) -> Asking:
        """The value of an expression: what is left on top of its stack."""
        asking = evaluate(expression, address_size=self._size, byteorder=self._byteorder, initial=initial)
        answer: Answer = None
        while True:
            try:
                request = asking.send(answer)
            except StopIteration as end:
                piece = end.value[0]
                return piece.value if piece.kind in ("memory", "value") else None
            if isinstance(request, RegisterRequest):
                answer = self._registers.get(request.number)
            elif isinstance(request, (CfaRequest, FrameBaseRequest)):
                answer = None
            else:
                answer = yield request


def _without_signature(pc: int) -> int:
    """A return address without what aarch64 put into its upper bits; bit 55 tells which half it is in."""
    low = pc & (1 << _VIRTUAL_BITS) - 1
    return low | ((1 << 64) - (1 << _VIRTUAL_BITS)) if pc >> 55 & 1 else low
