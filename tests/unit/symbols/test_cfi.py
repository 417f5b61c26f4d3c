"""Call frame information: every row equals `readelf --debug-dump=frames-interp`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from unidbg_symbols.dwarf.cfi_rows import CfiRow, RegisterRule
from unidbg_symbols.registers import register_file

from tests.unit.symbols.builds import FLAVOURS, build, have, image, run

ENTRY = re.compile(r"^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)$")
READELF_NAMES = {"rip": "ra", "x29": "x29", "x30": "ra"}
CFI = [
    *FLAVOURS,
    ("gcc", "-g", "-O2", "-fno-asynchronous-unwind-tables"),
    ("clang", "-g", "-O2", "-fno-asynchronous-unwind-tables"),
    ("gcc", "-O2", "-m32"),
]


def interpreted(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(address, column to rule) of each row that readelf prints."""
    rows: list[tuple[int, dict[str, str]]] = []
    columns: list[str] = []
    inside = False
    for line in run(["readelf", "--debug-dump=frames-interp", str(path)]).splitlines():
        if ENTRY.match(line):
            inside, columns = True, []
        elif not line.strip() or " CIE " in line:
            inside = False
        elif inside and line.lstrip().startswith("LOC"):
            columns = line.split()[1:]
        elif inside and columns:
            fields = re.sub(r" \(\w+\)", "", line).split()
            rows.append((int(fields[0], 16), dict(zip(columns, fields[1:], strict=True))))
    return rows


def shown(row: CfiRow, column: str, names: tuple[str, ...]) -> str:
    """A rule of ours as readelf prints it."""
    if column == "CFA":
        return "exp" if row.cfa.expression is not None else f"{names[row.cfa.register]}{row.cfa.offset:+d}"
    number = row.return_register if column == "ra" else names.index(column)
    rule = row.registers.get(number)
    return "u" if rule is None else spell(rule, names)


def spell(rule: RegisterRule, names: tuple[str, ...]) -> str:
    """A register rule as readelf prints it."""
    if rule.kind == "offset":
        return f"c{rule.value:+d}"
    if rule.kind == "val_offset":
        return f"v{rule.value:+d}"
    if rule.kind == "register":
        return names[rule.value]
    return {"undefined": "u", "same": "s", "expression": "exp", "val_expression": "vexp"}[rule.kind]


@pytest.mark.parametrize("flavour", CFI, ids=[" ".join(each) for each in CFI])
def test_every_row_equals_readelf(flavour: tuple[str, ...]) -> None:
    if not have(flavour[0]):
        pytest.skip(f"no {flavour[0]}")
    opened = image(*flavour)
    file = register_file(opened.machine)
    assert file is not None
    expected = interpreted(build(*flavour))
    assert len(expected) >= 5
    for address, columns in expected:
        row = opened.unwind_row(address)
        if opened.symbol_at(address) is None:
            continue  # lld keeps the entries of functions that it discarded, at address 0
        assert row is not None, hex(address)
        assert row.start <= address < row.end
        for column, rule in columns.items():
            assert shown(row, column, file.names) == rule, (hex(address), column)


def test_expressions_signal_frames_and_remembered_states_equal_readelf() -> None:
    opened = image("gcc", sources=("frames.S",))
    file = register_file("x86_64")
    assert file is not None
    for address, columns in interpreted(build("gcc", sources=("frames.S",))):
        row = opened.unwind_row(address)
        assert row is not None
        for column, rule in columns.items():
            assert shown(row, column, file.names) == rule, (hex(address), column)
    trap = opened.unwind_row(opened.symbol("trap").address)
    plain = opened.unwind_row(opened.symbol("plain").address)
    assert trap is not None
    assert plain is not None
    assert (trap.signal_frame, plain.signal_frame) == (True, False)
    assert trap.registers[16].kind == "expression"
    assert trap.cfa.expression is not None


def test_outside_of_functions_there_is_no_row() -> None:
    opened = image("gcc", "-gdwarf-5", "-O0")
    assert opened.unwind_row(0) is None
    assert opened.unwind_row(opened.symbol("root").address) is None
    assert image("gcc", "-O0", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables").unwind_row(0) is None
