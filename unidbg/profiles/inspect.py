"""What the Inspect commands show of any guest: registers, code, memory, values, symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unidbg.errors import LocalProtocolError, MemoryFault, RegisterUnavailable, SymbolError, TargetError
from unidbg.profiles.base import Context
from unidbg.profiles.threads import death
from unidbg.profiles.threads import thread as show_thread
from unidbg.profiles.threads import threads as show_threads
from unidbg.program import flags
from unidbg.program.disassembly import disassemble, original
from unidbg.program.expression import evaluate, evaluate_address
from unidbg.program.module import Module
from unidbg.program.program import Program
from unidbg.program.show import Shower
from unidbg.target.base import ThreadInfo
from unidbg.views.base import Address, Fault, Location
from unidbg.views.inspect import (
    DisassemblyView,
    MemoryDumpView,
    RegistersView,
    SymbolInfo,
    ValueView,
)
from unidbg.views.system import ThreadsView

if TYPE_CHECKING:
    from unidbg_symbols.elf.symbols import Symbol

MAX_DUMP_BYTES = 16 << 20
UNITS = (1, 2, 4, 8)
FORMATS = "xduotacfsz"


def pick(program: Program, wanted: str | None) -> ThreadInfo:
    """The thread `wanted` by id or name, else the one that stopped, else the first."""
    threads = program.target.threads()
    if not threads:
        program.registers("")  # a target without any says why
        raise TargetError("the target has no threads")
    stop = program.target.stop_reason
    chosen = wanted if wanted is not None else stop.thread if stop is not None else ""
    for info in threads:
        if chosen in (info.id, info.name) or (wanted is not None and str(info.cpu) == wanted):
            return info
    if wanted is not None:
        known = ", ".join(info.id for info in threads)
        raise TargetError(f"no thread `{wanted}`; known: {known}")
    return threads[0]


def registers(context: Context, wanted: str | None) -> RegistersView:
    """The registers of a thread."""
    info = pick(context.program, wanted)
    values = context.program.registers(info.id)
    found = flags.register_list(values, context.program.pointer_bytes)
    return RegistersView(context.provenance, (), info.id, found)


def backtrace(context: Context, wanted: str | None, every: bool = False) -> ThreadsView:
    """One thread, or every one, with its backtrace and the variables of its frames."""
    if every:
        return show_threads(context, variables=True)
    found = show_thread(context, pick(context.program, wanted), death(context), variables=True)
    return ThreadsView(context.provenance, (), (found,))


def disassembly(context: Context, where: str | int | None, count: int, wanted: str | None) -> DisassemblyView:
    """`count` instructions at an address, a symbol, an expression, or the program counter."""
    pc = _program_counter(context.program, wanted)
    start = pc if where is None else address_of(context.program, where, wanted)
    if start is None:
        raise RegisterUnavailable("pc", "the target tells none; say where to disassemble")
    return DisassemblyView(context.provenance, (), disassemble(context.program, start, count, pc))


def _program_counter(program: Program, wanted: str | None) -> int | None:
    try:
        values = program.registers(pick(program, wanted).id)
    except TargetError:
        if wanted is not None:
            raise
        return None
    return next((values[name] for name in ("rip", "pc", "eip") if values.get(name) is not None), None)


def address_of(program: Program, where: str | int, thread: str | None) -> int:
    """An address from a number or an expression."""
    if isinstance(where, int):
        return where
    return evaluate_address(program, where, thread)


def memory_dump(
    context: Context, where: str | int, format_: str, count: int, unit: int, thread: str | None = None
) -> MemoryDumpView:
    """`count` units at an address; with format `s`, `count` texts up to their NULs."""
    if format_ not in FORMATS or unit not in UNITS:
        raise LocalProtocolError(f"no format `{count}{format_}` in units of {unit} bytes; formats: {FORMATS}")
    if not 0 < count * unit <= MAX_DUMP_BYTES:
        raise LocalProtocolError(f"{count} units of {unit} bytes are not between 1 byte and {MAX_DUMP_BYTES}")
    start = address_of(context.program, where, thread)
    length = 0 if format_ == "s" else count * unit
    data = _bytes(context.program, start, length) if length else _texts(context.program, start, count)
    end = Address(start + len(data))
    short = (Fault("data_hex", f"unreadable from {end:#x} on", end),) if len(data) < length else ()
    return MemoryDumpView(
        provenance=context.provenance,
        faults=short,
        start=context.program.locate(start),
        format=format_,
        unit_bytes=unit,
        data_hex=data.hex(),
        pointees=_pointees(context.program, data, unit) if format_ == "a" else (),
    )


def _pointees(program: Program, data: bytes, unit: int) -> tuple[Location, ...]:
    """What each whole unit points to."""
    whole = range(0, len(data) - unit + 1, unit)
    return tuple(program.locate(int.from_bytes(data[at : at + unit], "little")) for at in whole)


def _bytes(program: Program, start: int, length: int) -> bytes:
    """What can be read, as it was before breakpoints were inserted."""
    return original(program, start, program.read_upto(start, length))


def _texts(program: Program, start: int, count: int) -> bytes:
    from unidbg.structures.strings import read_text

    out = bytearray()
    for _ in range(min(count, 1024)):
        data, wrong = read_text(program.memory, start + len(out))
        if wrong and not data and not out:
            raise MemoryFault(start, 1, wrong)
        out += data + b"\0"
        if wrong:
            break
    return bytes(out)


def value(context: Context, expression: str, thread: str | None) -> ValueView:
    """The value of an expression as a tree."""
    shower = Shower(context.program)
    found = evaluate(context.program, expression, thread)
    node = shower.node(expression, found, "value")
    return ValueView(context.provenance, tuple(shower.faults), expression, node)


def symbols(program: Program, query: str) -> list[SymbolInfo]:
    """The symbols of that name in all images; none is an empty list."""
    return [_info(m, s) for m in program.modules for s in m.image.symbols_named(query)]


def symbol_around(program: Program, address: int) -> SymbolInfo:
    """The symbol that contains a run address, located at that address; SymbolError where there is none."""
    module = program.module_at(address)
    found = module.image.symbol_at(module.link_address(address)) if module else None
    if module is None or found is None:
        raise SymbolError(f"no symbol of any image contains {address:#x}; is --image the unstripped one?")
    return _info(module, found, address)


def _info(module: Module, found: Symbol, run: int | None = None) -> SymbolInfo:
    location = module.locate(module.run_address(found.address) if run is None else run)
    return SymbolInfo(
        found.name, Address(found.address), found.size, found.kind, found.binding, location, found.section
    )
