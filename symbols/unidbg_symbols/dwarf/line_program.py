"""Runs a line program (DWARF 5, section 6.2.5). The hottest loop of the engine: one opcode a turn.

A row is one integer: column in bits 0-15, "is a statement" in bit 16, line in bits 17-44, file + 1 above. A
row of 0 ends a sequence.
"""

from __future__ import annotations

from unidbg_symbols.dwarf.leb import sleb, uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.line_header import LineHeader
    from unidbg_symbols.dwarf.unit import Unit

    Sequence = tuple[list[int], list[int]]

LINE_SHIFT, FILE_SHIFT, STATEMENT = 17, 45, 1 << 16
LINE_MASK, COLUMN_MASK = (1 << 28) - 1, (1 << 16) - 1
_MOST_STEPS_KEPT = 64
_MOST_FILES = (1 << 19) - 1
_FILE_CLEARED = (1 << FILE_SHIFT) - 1


def run(unit: Unit, header: LineHeader, every_row: bool = False) -> list[Sequence]:
    """[(addresses, rows)] of each sequence, each ended by a row of 0.

    Of several rows at one address the last stands, unless `every_row`.
    """
    data, at, end = unit.dwarf.data(".debug_line"), header.program, header.end
    base = len(header.opcode_lengths) + 1
    address_steps, row_steps = _special_steps(
        base, header.minimum_instruction_length, header.line_base, header.line_range or 1
    )
    statement = STATEMENT  # a local name: looked up 300,000 times in an image of 10 MB
    first_row = 2 << FILE_SHIFT | 1 << LINE_SHIFT | (statement if header.default_is_stmt else 0)
    sequences: list[Sequence] = []
    addresses: list[int] = []
    rows: list[int] = []
    address, row, column, last = 0, first_row, 0, -1
    while at < end:
        op = data[at]
        at += 1
        if op >= base:
            address += address_steps[op]
            row += row_steps[op]
        elif op == 5:  # set column
            column = data[at]
            at += 1
            if column >= 0x80:
                column, at = _large_column(data, at - 1)
            continue
        elif op == 6:  # negate statement
            row ^= statement
            continue
        elif op == 0:
            kind, value, at = _extended(unit, data, at)
            if kind == 1:  # end of sequence
                if addresses:
                    sequences.append(_in_order([*addresses, address], [*rows, 0]))
                addresses, rows, address, row, column, last = [], [], 0, first_row, 0, -1
            elif kind == 2:  # set address
                address = value
            continue
        elif op == 3:  # advance line
            value, at = sleb(data, at)
            row += value << LINE_SHIFT
            continue
        elif op == 4:  # set file
            value, at = uleb(data, at)
            row = row & _FILE_CLEARED | min(value + 1, _MOST_FILES) << FILE_SHIFT
            continue
        elif op != 1:  # not a copy
            value, at = _advance(unit, data, at, op, header)
            address += value
            continue
        if address != last or every_row:
            addresses.append(address)
            rows.append(row | column)
            last = address
        else:
            rows[-1] = row | column
    return sequences


def _large_column(data: bytes, at: int) -> tuple[int, int]:
    value, at = uleb(data, at)
    return min(value, COLUMN_MASK), at


def _extended(unit: Unit, data: bytes, at: int) -> tuple[int, int, int]:
    """(extended opcode, its address if it sets one, offset after it)."""
    size, at = (data[at], at + 1) if data[at] < 0x80 else uleb(data, at)
    kind = data[at] if size else 0
    value = int.from_bytes(data[at + 1 : at + size], unit.dwarf.byteorder) if kind == 2 else 0
    return kind, value, at + size


def _advance(unit: Unit, data: bytes, at: int, op: int, header: LineHeader) -> tuple[int, int]:
    """(what any other standard opcode adds to the address, offset after it)."""
    minimum = header.minimum_instruction_length
    if op == 2:  # advance address
        value, at = uleb(data, at)
        return value * minimum, at
    if op == 8:  # advance by what special opcode 255 adds
        return (255 - len(header.opcode_lengths) - 1) // (header.line_range or 1) * minimum, at
    if op == 9:  # advance by two bytes
        return int(unit.u16(data, at)[0]), at + 2
    for _ in range(header.opcode_lengths[op - 1]):
        at = uleb(data, at)[1]
    return 0, at


_STEPS: dict[tuple[int, int, int, int], tuple[list[int], list[int]]] = {}


def _special_steps(base: int, minimum: int, line_base: int, line_range: int) -> tuple[list[int], list[int]]:
    """What each special opcode adds to address and row. Compilers always use the same parameters."""
    key = (base, minimum, line_base, line_range)
    if key not in _STEPS:
        if len(_STEPS) >= _MOST_STEPS_KEPT:
            _STEPS.clear()
        ops = range(256)
        addresses = [(op - base) // line_range * minimum if op >= base else 0 for op in ops]
        rows = [(line_base + (op - base) % line_range) << LINE_SHIFT if op >= base else 0 for op in ops]
        _STEPS[key] = addresses, rows
    return _STEPS[key]


def _in_order(addresses: list[int], rows: list[int]) -> Sequence:
    """A sequence's addresses must not fall; where a producer lets them, they are sorted."""
    if all(map(int.__le__, addresses, addresses[1:])):
        return addresses, rows
    pairs = sorted(zip(addresses[:-1], rows[:-1], strict=True), key=lambda pair: pair[0])
    pairs.append((max(addresses), 0))
    return [address for address, _ in pairs], [row for _, row in pairs]


def live_sequences(dwarf: Dwarf, sequences: list[Sequence]) -> list[Sequence]:
    """Those of code that the linker kept, sorted by address."""
    is_code = dwarf.address_map.is_code
    return sorted((each for each in sequences if is_code(each[0][0])), key=lambda each: each[0][0])
