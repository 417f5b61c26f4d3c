"""Instructions by capstone, with the symbols that they name.

Shows original bytes, not inserted breakpoints.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from unidbg.errors import LocalProtocolError
from unidbg.program.identity import BREAKPOINTS
from unidbg.program.program import Program
from unidbg.views.base import Location
from unidbg.views.inspect import Instruction

if TYPE_CHECKING:
    import capstone

MAX_INSTRUCTIONS = 4096
LONGEST = {"x86_64": 15, "i386": 15, "aarch64": 4}


def disassemble(program: Program, address: int, count: int, pc: int | None = None) -> tuple[Instruction, ...]:
    """`count` instructions from `address` on; the one at `pc` is `current`.

    Ends early where memory does; MemoryFault where not even the first byte can be read. A byte that is no
    instruction is shown as `.byte`.
    """
    machine = _machine(program)
    count = min(count, MAX_INSTRUCTIONS)
    code = original(program, address, program.read_upto(address, count * LONGEST[machine]))
    return tuple(_instructions(program, _engine(machine), code, address, count, pc))


def _machine(program: Program) -> str:
    machine = program.modules[0].image.machine if program.modules else program.target.architecture
    if machine not in LONGEST:
        raise LocalProtocolError(
            f"no disassembler for `{machine or 'an unknown machine'}`; give the image with --image"
        )
    return machine


def _engine(machine: str) -> capstone.Cs:
    import capstone

    kinds = {
        "x86_64": (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
        "i386": (capstone.CS_ARCH_X86, capstone.CS_MODE_32),
        "aarch64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM),
    }
    engine = capstone.Cs(*kinds[machine])
    engine.detail = True
    return engine


def original(program: Program, address: int, code: bytes) -> bytes:
    """`code` as it is in the image wherever the guest has a breakpoint there."""
    module = program.module_at(address)
    trap = BREAKPOINTS.get(module.image.machine, b"") if module else b""
    if module is None or not trap or trap not in code:
        return code
    out = bytearray(code)
    at = code.find(trap)
    while at >= 0:
        known = module.linked(address + at, len(trap))
        if known and module.in_text(module.link_address(address + at)):
            out[at : at + len(trap)] = known
        at = code.find(trap, at + len(trap))
    return bytes(out)


def _instructions(
    program: Program, engine: capstone.Cs, code: bytes, address: int, count: int, pc: int | None
) -> Iterator[Instruction]:
    at = 0
    for _ in range(count):
        if at >= len(code):
            return
        found = next(engine.disasm(code[at : at + 16], address + at, 1), None)
        place = address + at
        if found is None:
            yield _byte(program, place, code[at], pc)
            at += 1
            continue
        at += found.size
        yield Instruction(
            location=program.locate(place),
            bytes_hex=bytes(found.bytes).hex(),
            mnemonic=found.mnemonic,
            operands=found.op_str,
            target=_target(program, found),
            current=place == pc,
        )


def _byte(program: Program, place: int, byte: int, pc: int | None) -> Instruction:
    return Instruction(program.locate(place), f"{byte:02x}", ".byte", f"{byte:#04x}", None, place == pc)


def _target(program: Program, found: Any) -> Location | None:
    """Where a direct branch goes, or what an operand relative to the program counter names."""
    import capstone
    from capstone import x86_const as x86

    branch = found.group(capstone.CS_GRP_JUMP) or found.group(capstone.CS_GRP_CALL)
    for operand in found.operands:
        if branch and operand.type == capstone.CS_OP_IMM:
            return program.locate(operand.imm & 0xFFFF_FFFF_FFFF_FFFF)
        if operand.type == capstone.CS_OP_MEM and operand.mem.base == x86.X86_REG_RIP:
            return program.locate((found.address + found.size + operand.mem.disp) & 0xFFFF_FFFF_FFFF_FFFF)
    return None
