"""Runs call frame instructions (DWARF 5, section 6.4.2; GNU and aarch64 extensions)."""

from __future__ import annotations

from unidbg_symbols.dwarf.cfi_rows import CfaRule, CfiRow, RegisterRule
from unidbg_symbols.dwarf.leb import sleb, uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from unidbg_symbols.dwarf.cfi import Cie, Fde

_DEEPEST_MEMORY = 64
_HIGHEST_REGISTER = 4096
_MOST_ROWS = 1 << 16
_UNDEFINED, _SAME = RegisterRule("undefined"), RegisterRule("same")


class _Machine:
    """The state of the program: where it is, the rules, and what was remembered."""

    __slots__ = ("at", "cfa", "cie", "data", "initial", "location", "memory", "rules", "signed")

    def __init__(self, cie: Cie, data: bytes, location: int) -> None:
        self.cie = cie
        self.data = data
        self.at = 0
        self.location = location
        self.cfa = CfaRule(0, 0)
        self.rules: dict[int, RegisterRule] = {}
        self.initial: dict[int, RegisterRule] = {}
        self.memory: list[tuple[CfaRule, dict[int, RegisterRule], bool]] = []
        self.signed = False

    def uleb(self) -> int:
        value, self.at = uleb(self.data, self.at)
        return value

    def sleb(self) -> int:
        value, self.at = sleb(self.data, self.at)
        return value

    def register(self) -> int:
        number = self.uleb()
        if number > _HIGHEST_REGISTER:
            raise LookupError(f"register {number}")
        return number

    def fixed(self, size: int) -> int:
        if self.at + size > len(self.data):
            raise LookupError("an instruction past the end")
        value = int.from_bytes(self.data[self.at : self.at + size], self.cie.byteorder)
        self.at += size
        return value

    def block(self) -> bytes:
        size = self.uleb()
        if self.at + size > len(self.data):
            raise LookupError("an expression past the end")
        self.at += size
        return self.data[self.at - size : self.at]

    def run(self, start: int, end: int, on_advance: Callable[[int], None]) -> None:
        """Execute the instructions; `on_advance` gets each new location before it takes effect."""
        self.at = start
        while self.at < end:
            op = self.data[self.at]
            self.at += 1
            low = op & 0x3F
            if op >= 0xC0:
                self.restore(low)
            elif op >= 0x80:
                self.rules[low] = RegisterRule("offset", self.uleb() * self.cie.data_alignment)
            elif op >= 0x40:
                self.advance(low, on_advance)
            elif op in _ADVANCES:
                self.advance(self.fixed(_ADVANCES[op]), on_advance)
            elif op == 0x01:  # set_loc
                address, self.at = self.cie.read_address(self.data, self.at)
                on_advance(address)
                self.location = address
            else:
                _INSTRUCTIONS[op](self)

    def advance(self, delta: int, on_advance: Callable[[int], None]) -> None:
        location = self.location + delta * self.cie.code_alignment
        on_advance(location)
        self.location = location

    def restore(self, register: int) -> None:
        if register in self.initial:
            self.rules[register] = self.initial[register]
        else:
            self.rules.pop(register, None)

    def remember(self) -> None:
        if len(self.memory) >= _DEEPEST_MEMORY:
            raise LookupError("states remembered too deeply")
        self.memory.append((self.cfa, dict(self.rules), self.signed))

    def recall(self) -> None:
        self.cfa, self.rules, self.signed = self.memory.pop()

    def set_rule(self, rule: RegisterRule) -> None:
        self.rules[self.register()] = rule

    def set_scaled(self, kind: str, signed: bool, sign: int = 1) -> None:
        register = self.register()
        factor = self.sleb() if signed else self.uleb()
        self.rules[register] = RegisterRule(kind, sign * factor * self.cie.data_alignment)

    def set_register(self) -> None:
        register = self.register()
        self.rules[register] = RegisterRule("register", self.register())

    def set_expression(self, kind: str) -> None:
        register = self.register()
        self.rules[register] = RegisterRule(kind, 0, self.block())

    def define_cfa(self, scaled: bool) -> None:
        register = self.register()
        self.cfa = CfaRule(register, self.cfa_offset(scaled))

    def cfa_offset(self, scaled: bool) -> int:
        return self.sleb() * self.cie.data_alignment if scaled else self.uleb()

    def define_cfa_register(self) -> None:
        self.cfa = CfaRule(self.register(), self.cfa.offset)

    def define_cfa_offset(self, scaled: bool) -> None:
        self.cfa = CfaRule(self.cfa.register, self.cfa_offset(scaled))

    def define_cfa_expression(self) -> None:
        self.cfa = CfaRule(0, 0, self.block())

    def negate_signed(self) -> None:
        self.signed = not self.signed


_ADVANCES = {0x02: 1, 0x03: 2, 0x04: 4, 0x1D: 8}
_INSTRUCTIONS: dict[int, Callable[[_Machine], object]] = {
    0x00: lambda m: None,
    0x05: lambda m: m.set_scaled("offset", signed=False),
    0x06: lambda m: m.restore(m.register()),
    0x07: lambda m: m.set_rule(_UNDEFINED),
    0x08: lambda m: m.set_rule(_SAME),
    0x09: _Machine.set_register,
    0x0A: _Machine.remember,
    0x0B: _Machine.recall,
    0x0C: lambda m: m.define_cfa(scaled=False),
    0x0D: _Machine.define_cfa_register,
    0x0E: lambda m: m.define_cfa_offset(scaled=False),
    0x0F: _Machine.define_cfa_expression,
    0x10: lambda m: m.set_expression("expression"),
    0x11: lambda m: m.set_scaled("offset", signed=True),
    0x12: lambda m: m.define_cfa(scaled=True),
    0x13: lambda m: m.define_cfa_offset(scaled=True),
    0x14: lambda m: m.set_scaled("val_offset", signed=False),
    0x15: lambda m: m.set_scaled("val_offset", signed=True),
    0x16: lambda m: m.set_expression("val_expression"),
    0x2D: _Machine.negate_signed,
    0x2E: _Machine.uleb,  # GNU_args_size: of interest to exceptions only
    0x2F: lambda m: m.set_scaled("offset", signed=False, sign=-1),
}


def rows_of(fde: Fde) -> list[CfiRow]:
    """All rows of a function, in the order of their addresses."""
    cie = fde.cie
    machine = _Machine(cie, cie.data, fde.start)
    machine.run(cie.program, cie.end, lambda location: None)
    machine.location = fde.start
    machine.initial = dict(machine.rules)
    rows: list[CfiRow] = []
    begins = fde.start

    def close(location: int) -> None:
        nonlocal begins
        if location <= begins:
            return
        if len(rows) >= _MOST_ROWS:
            raise LookupError("too many rows")
        rules = dict(machine.rules)
        rows.append(
            CfiRow(
                begins, location, machine.cfa, rules, cie.return_register, cie.signal_frame, machine.signed
            )
        )
        begins = location

    machine.run(fde.program, fde.program_end, close)
    close(fde.end)
    return rows
