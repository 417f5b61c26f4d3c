"""Unwinding by call frame information, against gdb in a process that it stopped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from unidbg_symbols import Image
from unidbg_symbols.dwarf.cfi_rows import CfaRule, CfiRow, RegisterRule
from unidbg_symbols.dwarf.expression import UnknownValue
from unidbg_symbols.dwarf.locals import LocalVariable
from unidbg_symbols.registers import register_file
from unidbg_symbols.requests import Answer, CfaRequest, MemoryRequest, RegisterRequest, Request, drive
from unidbg_symbols.unwind import CallerFrame, unwind_frame

from tests.unit.symbols import reference
from tests.unit.symbols.builds import build, folder, have, image

STACK_BYTES = 2048
BELOW = 256  # an unoptimised function has its variables below the stack pointer until it has moved it
LOCALS = [("gcc", "-g", "-O0"), ("gcc", "-gdwarf-4", "-O2"), ("gcc", "-g", "-O2"), ("clang", "-g", "-O2")]
NATIVE = [("gcc", "-g", "-O0"), ("gcc", "-g", "-O2"), ("clang", "-g", "-O2"), ("clang", "-g", "-O0")]


class Stopped:
    """A process that gdb stopped at an address: registers, stack, and gdb's own backtrace."""

    def __init__(self, path: Path, address: int, skip: int) -> None:
        stack = folder() / "stack.bin"
        out = reference.gdb(
            path,
            "set environment PADDING=" + "x" * 4096,
            f"break *{address:#x}",
            f"ignore 1 {skip}",
            "run",
            "info registers",
            f"dump binary memory {stack} ((char*)$rsp)-{BELOW} ((char*)$rsp)+{STACK_BYTES}",
            "set print inferior-events off",
            "bt",
            "echo \\nARGUMENTS\\n",
            "info args",
            "info locals",
            "kill",
        )
        file = register_file("x86_64")
        assert file is not None
        values = dict(re.findall(r"(?m)^(\w+) +(0x[0-9a-f]+)", out))
        self.registers = {n: int(values[name], 16) for n, name in enumerate(file.names) if name in values}
        self.stack = stack.read_bytes()
        frames = re.findall(r"(?m)^#\d+ +(?:0x([0-9a-f]+) in )?(\w+)", out)
        self.functions = [name for _, name in frames]
        _, _, variables = out.partition("ARGUMENTS\n")
        self.variables = dict(re.findall(r"(?m)^(\w+) = (0x[0-9a-f]+|-?\d+|<optimized out>)", variables))

    def answer(self, request: Request) -> Answer:
        """Memory of the stopped process."""
        assert isinstance(request, MemoryRequest)
        start = request.address - self.registers[7] + BELOW
        return self.stack[start : start + request.size] if 0 <= start < len(self.stack) else None


def backtrace(opened: Image, stopped: Stopped) -> list[str]:
    """Function names from the innermost frame up to the entry point."""
    file = register_file(opened.machine)
    assert file is not None
    registers, pc, exact = stopped.registers, stopped.registers[16], True
    names: list[str] = []
    while True:
        at = pc if exact else pc - 1
        names.extend(frame.function for frame in opened.frames_at(at))
        row = opened.unwind_row(at)
        if row is None or names[-1] == "_start":
            return names
        caller = drive(unwind_frame(row, registers, file), stopped.answer)
        if caller.pc is None:
            return names
        registers, pc, exact = dict(caller.registers), caller.pc, caller.exact


@pytest.mark.skipif(not have("gdb"), reason="no gdb")
@pytest.mark.parametrize("flavour", NATIVE, ids=[" ".join(each) for each in NATIVE])
@pytest.mark.parametrize(("function", "skip"), [("walk", 5), ("other_walk", 3)])
def test_backtraces_equal_gdb(flavour: tuple[str, ...], function: str, skip: int) -> None:
    opened = image(*flavour)
    symbol = opened.symbol(function)
    middle = disassembled(build(*flavour), function)
    for address in (symbol.address, middle[len(middle) // 2]):
        stopped = Stopped(build(*flavour), address, skip)
        assert backtrace(opened, stopped) == stopped.functions
        assert len(stopped.functions) > 3


def disassembled(path: Path, function: str) -> list[int]:
    """The addresses of a function's instructions up to its first jump: they run at each call."""
    out = reference.gdb(path, f"disassemble {function}")
    found = re.findall(r"0x([0-9a-f]+) <\+\d+>:\s+(\w+)", out)
    until = next(n for n, (_, op) in enumerate(found) if op.startswith(("j", "call", "ret")))
    return [int(address, 16) for address, _ in found[: until + 1]]


def value_of(variable: LocalVariable, stopped: Stopped, cfa: int) -> int | None:
    """A number, None where it is not to be had."""

    def answer(request: Request) -> Answer:
        if isinstance(request, RegisterRequest):
            return stopped.registers.get(request.number)
        return cfa if isinstance(request, CfaRequest) else stopped.answer(request)

    try:
        (piece,) = drive(variable.locate(), answer)
    except UnknownValue:
        return None
    size = variable.type.size
    if piece.kind == "memory":
        data = stopped.answer(MemoryRequest(piece.value, size))
        assert isinstance(data, bytes)
        return int.from_bytes(data, "little")
    value = stopped.registers[piece.value] if piece.kind == "register" else piece.value
    return value & (1 << size * 8) - 1 if piece.kind in ("register", "value") else None


@pytest.mark.skipif(not have("gdb"), reason="no gdb")
@pytest.mark.parametrize("flavour", LOCALS, ids=[" ".join(each) for each in LOCALS])
@pytest.mark.parametrize(("function", "skip"), [("walk", 5), ("other_walk", 3)])
def test_locals_equal_gdb(flavour: tuple[str, ...], function: str, skip: int) -> None:
    opened = image(*flavour)
    file = register_file(opened.machine)
    assert file is not None
    compared = 0
    for address in disassembled(build(*flavour), function)[1:]:
        stopped = Stopped(build(*flavour), address, skip)
        row = opened.unwind_row(address)
        assert row is not None
        cfa = drive(unwind_frame(row, stopped.registers, file), stopped.answer).cfa
        ours = {v.name: v for v in opened.locals_at(address)[0] if not v.type.name.startswith("volatile")}
        for name, shown in stopped.variables.items():
            if name == "calls":
                continue  # a static: it lies outside of the stack that was kept
            expected = None if shown.startswith("<") else int(shown, 0)
            size = ours[name].type.size
            value = value_of(ours[name], stopped, cfa)
            assert value == (None if expected is None else expected & (1 << size * 8) - 1), (
                hex(address),
                name,
            )
            compared += 1
    assert compared


def test_locals_of_inlined_calls_are_told_apart() -> None:
    opened = image("gcc", "-g", "-O2")
    walk = opened.symbol("walk")
    for address in range(walk.address, walk.address + walk.size):
        frames, found = opened.frames_at(address), opened.locals_at(address)
        assert len(frames) == len(found)
        for frame, variables in zip(frames, found, strict=True):
            names = {variable.name for variable in variables if variable.parameter}
            assert (
                names
                == {"walk": {"node", "depth"}, "middle": {"value"}, "innermost": {"value"}}[frame.function]
            )


def unwind(row: CfiRow, registers: dict[int, int], memory: dict[int, int] | None = None) -> CallerFrame:
    """One step on x86_64 with 8-byte words of memory."""
    file = register_file("x86_64")
    assert file is not None

    def answer(request: Request) -> Answer:
        assert isinstance(request, MemoryRequest)
        value = (memory or {}).get(request.address)
        return None if value is None else value.to_bytes(request.size, "little")

    return drive(unwind_frame(row, registers, file), answer)


def row(cfa: CfaRule, rules: dict[int, RegisterRule], signal: bool = False, signed: bool = False) -> CfiRow:
    """A row of x86_64."""
    return CfiRow(0, 100, cfa, rules, 16, signal, signed)


def test_each_kind_of_rule() -> None:
    rules = {
        16: RegisterRule("offset", -8),
        3: RegisterRule("same"),
        6: RegisterRule("register", 11),
        12: RegisterRule("val_offset", 24),
        13: RegisterRule("undefined"),
        14: RegisterRule("expression", expression=bytes((0x23, 0x10))),
        15: RegisterRule("val_expression", expression=bytes((0x23, 0x20))),
    }
    memory = {0x1008: 0x4000, 0x1020: 77}
    caller = unwind(row(CfaRule(7, 16), rules), {7: 0x1000, 3: 1, 11: 2, 13: 9, 0: 5}, memory)
    assert (caller.cfa, caller.pc, caller.exact) == (0x1010, 0x4000, False)
    assert caller.registers == {3: 1, 6: 2, 7: 0x1010, 12: 0x1028, 14: 77, 15: 0x1030, 16: 0x4000}


def test_an_interrupt_frame_gives_back_all_it_saved() -> None:
    opened = image("gcc", sources=("frames.S",))
    trap = opened.unwind_row(opened.symbol("trap").address)
    assert trap is not None
    memory = {0x2018: 0x9000, 0x2000: 0x401234}
    caller = unwind(trap, {7: 0x2000, 6: 0x55}, memory)
    assert caller.exact
    assert (caller.cfa, caller.pc, caller.registers[6]) == (0x9000, 0x401234, 0x55)


def test_the_bottom_of_a_stack_has_no_caller() -> None:
    opened = image("gcc", sources=("frames.S",))
    start = opened.unwind_row(opened.symbol("_start").address)
    assert start is not None
    caller = unwind(start, {7: 0x1000})
    assert caller.pc is None


def test_what_is_not_known_is_said() -> None:
    with pytest.raises(UnknownValue, match="register 6 is unknown"):
        unwind(row(CfaRule(6, 16), {}), {7: 0x1000})
    caller = unwind(row(CfaRule(7, 8), {16: RegisterRule("offset", -8)}), {7: 0x1000})
    assert caller.pc is None
    assert 16 not in caller.registers


def test_a_signed_return_address_is_cleaned() -> None:
    file = register_file("aarch64")
    assert file is not None
    signed = CfiRow(0, 4, CfaRule(31, 0), {}, 30, False, True)
    for value, pc in ((0x0023_0000_0040_1234, 0x40_1234), (0xFFA3_8000_0040_1234, 0xFFFF_8000_0040_1234)):
        caller = drive(unwind_frame(signed, {31: 0x100, 30: value}, file), lambda request: None)
        assert caller.pc == pc
