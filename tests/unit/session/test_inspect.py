"""Registers, code, memory, values and symbols of a fake guest, through the session."""

from __future__ import annotations

import pytest

from tests.support.kernel import Guest, kernel
from unidbg.errors import LocalProtocolError, MemoryFault, SymbolError, TargetError
from unidbg.session import ImageSpec, Session


@pytest.fixture
def guest() -> Guest:
    return kernel(running=True)


@pytest.fixture
def session(guest: Guest) -> Session:
    return Session.over(guest.target, images=[ImageSpec(guest.path)])


def test_registers_have_groups_and_flags(guest: Guest, session: Session) -> None:
    values = guest.target.fake_registers.values["1"]
    values.update(eflags=0x3246, cr0=0x8000_0011, fs_base=1 << 40, xmm0=1 << 100, st0=0, mxcsr=0x1F80)
    view = session.registers()
    found = {register.name: register for register in view.registers}
    assert view.thread == "1"
    assert (found["eflags"].note, found["eflags"].size_bytes) == ("PF ZF IF IOPL=3", 4)
    assert found["cr0"].note == "PE ET PG"
    assert [found[n].group for n in ("rip", "fs_base", "cr0", "xmm0", "st0")] == [
        "general",
        "segment",
        "control",
        "vector",
        "float",
    ]
    assert found["xmm0"].size_bytes == 16
    assert found["cr3"].value is None


def test_a_thread_by_id_cpu_or_name(session: Session) -> None:
    assert session.registers("1").thread == "1"
    assert session.registers("CPU#0").thread == "1"
    with pytest.raises(TargetError, match="known: 1"):
        session.registers("7")


def test_disassembly_at_the_program_counter_and_at_a_symbol(guest: Guest, session: Session) -> None:
    view = session.disassemble()
    assert view.instructions[0].location.symbol == "_start"
    assert view.instructions[0].current
    (jump,) = [i for i in view.instructions if i.mnemonic == "jmp"]
    assert jump.target is not None
    assert jump.target.symbol == "_start"
    assert session.disassemble("app_main", 1).instructions[0].location.address == guest.at("app_main")
    assert session.disassemble(guest.at("app_main"), 2).instructions[1].location.offset > 0


def test_disassembly_shows_original_bytes_under_breakpoints(guest: Guest, session: Session) -> None:
    before = session.disassemble("app_main", 2).instructions
    guest.memory.plant(guest.at("app_main"), b"\xcc")
    after = session.disassemble("app_main", 2).instructions
    assert [i.bytes_hex for i in after] == [i.bytes_hex for i in before]


def test_disassembly_ends_where_memory_does_and_shows_what_is_no_code(guest: Guest, session: Session) -> None:
    guest.memory.plant(0x70_0000, b"\x90\x06\xc3")
    view = session.disassemble(0x70_0000, 10)
    assert [i.mnemonic for i in view.instructions] == ["nop", ".byte", "ret"]
    with pytest.raises(MemoryFault):
        session.disassemble(0x7F_0000, 1)


def test_examine(guest: Guest, session: Session) -> None:
    view = session.examine("heap", "x", 2, 8)
    assert (view.start.symbol, view.format, view.unit_bytes) == ("heap", "x", 8)
    assert view.data_hex == (0x200000).to_bytes(8, "little").hex() + (0x201000).to_bytes(8, "little").hex()
    assert (
        bytes.fromhex(session.examine("boot.command_line", "s", 1, 1).data_hex) == b"console=ttyS0 [bold]\0"
    )


def test_examine_shows_what_can_be_read(guest: Guest, session: Session) -> None:
    guest.memory.plant(0x70_0000, b"abcdefgh")
    view = session.examine(0x70_0000, "x", 4, 8)
    assert view.data_hex == b"abcdefgh".hex()
    assert view.faults[0].address == 0x70_0008
    with pytest.raises(MemoryFault):
        session.examine(0x7F_0000)


@pytest.mark.parametrize(
    ("format_", "count", "unit"), [("q", 1, 8), ("x", 0, 8), ("x", 1, 3), ("x", 1 << 30, 8)]
)
def test_examine_refuses_what_makes_no_sense(session: Session, format_: str, count: int, unit: int) -> None:
    with pytest.raises(LocalProtocolError):
        session.examine(0, format_, count, unit)


def test_evaluate_and_its_errors_leave_the_guest_running(guest: Guest, session: Session) -> None:
    assert session.evaluate("heap.count").value.text == "3"
    with pytest.raises(SymbolError):
        session.evaluate("hepa")
    with pytest.raises(MemoryFault):
        session.evaluate("*(int *)8 + 1")
    assert guest.target.fake_run.running


def test_repeated_evaluation_costs_one_round_trip(guest: Guest, session: Session) -> None:
    session.evaluate("loop.handlers->events")
    guest.memory.round_trips = 0
    assert session.evaluate("loop.handlers->events").value.text == "2"
    assert guest.memory.round_trips == 1


def test_symbols_by_name_and_by_place(guest: Guest, session: Session) -> None:
    (main,) = session.symbol("app_main")
    assert (main.kind, main.address, main.section) == ("func", guest.at("app_main"), ".text")
    assert main.location.line is not None
    (around,) = session.symbol(f"{guest.at('app_main'):#x} + 1")
    assert (around.name, around.location.offset) == ("app_main", 1)
    with pytest.raises(SymbolError, match="0x3"):
        session.symbol("3")


def test_backtrace_of_one_thread(session: Session) -> None:
    (thread,) = session.backtrace().threads
    assert thread.frames[0].pc.symbol == "_start"
    assert thread.state == "running"
