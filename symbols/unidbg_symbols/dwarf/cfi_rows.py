"""The rows of call frame information: how to find the caller's frame (DWARF 5, section 6.4)."""

from __future__ import annotations

from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final


class CfaRule(Record):
    """How to compute the CFA: `register` (DWARF number) plus `offset` bytes, or an `expression`."""

    __slots__ = ("register", "offset", "expression")

    def __init__(self, register: int, offset: int, expression: bytes | None = None) -> None:
        self.register: Final = register
        self.offset: Final = offset
        self.expression: Final = expression


class RegisterRule(Record):
    """Where the caller's value of a register is.

    `kind` is `offset` (saved at CFA + `value`), `val_offset` (is CFA + `value`), `register` (in register
    `value`), `expression` (saved at the address that it gives, started with the CFA on its stack),
    `val_expression` (is what it gives), `undefined` (lost; for the return address: there is no caller) or
    `same`.
    """

    __slots__ = ("kind", "value", "expression")

    def __init__(self, kind: str, value: int = 0, expression: bytes = b"") -> None:
        self.kind: Final = kind
        self.value: Final = value
        self.expression: Final = expression


class CfiRow(Record):
    """The rules that hold for code addresses from `start` to `end`.

    `registers` maps DWARF register numbers to rules; one that is missing follows the ABI: preserved where the
    callee must preserve it. `return_register` is the column of the return address. In a `signal_frame` (an
    interrupt's too) the address is that of an instruction not yet executed: do not subtract 1 to look it up.
    `signed_return_address`: aarch64 pointer authentication was applied to it.
    """

    __slots__ = (
        "start",
        "end",
        "cfa",
        "registers",
        "return_register",
        "signal_frame",
        "signed_return_address",
    )

    def __init__(
        self,
        start: int,
        end: int,
        cfa: CfaRule,
        registers: Mapping[int, RegisterRule],
        return_register: int,
        signal_frame: bool,
        signed_return_address: bool = False,
    ) -> None:
        self.start: Final = start
        self.end: Final = end
        self.cfa: Final = cfa
        self.registers: Final = registers
        self.return_register: Final = return_register
        self.signal_frame: Final = signal_frame
        self.signed_return_address: Final = signed_return_address
