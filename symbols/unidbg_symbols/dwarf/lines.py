"""Address to line, and line to addresses, one unit at a time."""

from __future__ import annotations

from bisect import bisect_right
from struct import pack

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf.line_header import line_header
from unidbg_symbols.dwarf.line_program import (
    COLUMN_MASK,
    FILE_SHIFT,
    LINE_MASK,
    LINE_SHIFT,
    STATEMENT,
    live_sequences,
    run,
)
from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.unit import Unit


class SourceLine(Record):
    """A place in a source file. `file` is joined with the directory of compilation; `column` 0: unknown.

    `line` is 0 for code that the compiler made up.
    """

    __slots__ = ("file", "line", "column")

    def __init__(self, file: str, line: int, column: int) -> None:
        self.file: Final = file
        self.line: Final = line
        self.column: Final = column


class LineTable:
    """The rows of one unit: two arrays, 16 bytes a row."""

    __slots__ = ("_addresses", "_files", "_rows")

    def __init__(self, files: tuple[str, ...], addresses: memoryview, rows: memoryview) -> None:
        self._files = files
        self._addresses = addresses
        self._rows = rows

    def find(self, address: int) -> SourceLine | None:
        """The line of an address, None between sequences."""
        number = bisect_right(self._addresses, address) - 1
        if number < 0 or not self._rows[number]:
            return None
        return SourceLine(*self.place(address))

    def place(self, address: int) -> tuple[str, int, int]:
        """(file, line, column) of an address, "" and 0 for what is unknown."""
        number = bisect_right(self._addresses, address) - 1
        row = self._rows[number] if number >= 0 else 0
        if not row:
            return "", 0, 0
        return self.file((row >> FILE_SHIFT) - 1), row >> LINE_SHIFT & LINE_MASK, row & COLUMN_MASK

    def file(self, number: int) -> str:
        """The path of a file number, "" where the header does not have it."""
        return self._files[number] if 0 <= number < len(self._files) else ""

    def covered(self) -> list[tuple[int, int]]:
        """(start, end) of each sequence."""
        found = []
        start = -1
        for address, row in zip(self._addresses, self._rows, strict=True):
            if start < 0:
                start = address
            if not row:
                found.append((start, address))
                start = -1
        return found


def line_table(unit: Unit) -> LineTable:
    """The decoded line table of a unit, kept; units that share a line program share it."""
    kept = unit.dwarf.line_tables
    found = kept.get((unit.section, unit.offset))
    if found is None:
        header = line_header(unit)
        key = ("", -1 if header is None else header.program)
        if key not in kept:
            kept[key] = LineTable(header.files if header else (), *_merge(unit))
        found = kept[unit.section, unit.offset] = kept[key]
    return found


def _merge(unit: Unit) -> tuple[memoryview, memoryview]:
    """Addresses and rows of all sequences, 8 bytes each."""
    addresses: list[int] = []
    rows: list[int] = []
    header = line_header(unit)
    with parsing(f"the line table of {unit.root.name or unit!r}", unit.dwarf.path):
        for run_addresses, run_rows in live_sequences(unit.dwarf, run(unit, header)) if header else ():
            addresses.extend(run_addresses)
            rows.extend(run_rows)
        return _packed(addresses), _packed(rows)


def _packed(numbers: list[int]) -> memoryview:
    # Not `array`: importing it imports collections.
    return memoryview(pack(f"{len(numbers)}Q", *numbers)).cast("Q")


def addresses_of_line(dwarf: Dwarf, file: str, line: int) -> list[int]:
    """Where the statements of a line begin, sorted. `file` is a path or the end of one (`net/tcp.c`)."""
    found: set[int] = set()
    for unit in dwarf.units():
        header = line_header(unit)
        if header is None:
            continue
        numbers = {n + 1 for n, path in enumerate(header.files) if is_tail_of(file, path)}
        if numbers:
            with parsing(f"the line table of {unit.root.name}", dwarf.path):
                sequences = live_sequences(dwarf, run(unit, header, every_row=True))
            for addresses, rows in sequences:
                found.update(_starts(addresses, rows, numbers, line))
    return sorted(found)


def _starts(addresses: list[int], rows: list[int], files: set[int], line: int) -> Iterator[int]:
    """The addresses at which a run of rows of the line begins."""
    inside = False
    for address, row in zip(addresses, rows, strict=True):
        matches = row >> LINE_SHIFT & LINE_MASK == line and row >> FILE_SHIFT in files
        if matches and not inside and row & STATEMENT:
            yield address
        inside = matches and (inside or bool(row & STATEMENT))


def is_tail_of(tail: str, path: str) -> bool:
    """True where `tail` is `path` or its last components."""
    if not path.endswith(tail):
        return path == tail
    return len(path) == len(tail) or tail.startswith("/") or path[-len(tail) - 1] in "/\\"
