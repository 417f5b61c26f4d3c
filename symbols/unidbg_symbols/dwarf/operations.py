"""The operations of DWARF expressions, by number (DWARF 5, section 7.7.1, and what GNU had before it)."""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.expression import Cursor, Machine, Piece, UnknownValue
from unidbg_symbols.requests import (
    CfaRequest,
    EntryValueRequest,
    FrameBaseRequest,
    RegisterRequest,
    TlsRequest,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from unidbg_symbols.dwarf.die import Die
    from unidbg_symbols.dwarf.expression import Asking

    Operation = Callable[[Machine, Cursor, int], Asking | None]
    Binary = Callable[[Machine, int, int], int]


def _quotient(m: Machine, a: int, b: int) -> int:
    left, right = m.signed(a), m.signed(b)
    if right == 0:
        raise UnknownValue("a DWARF expression divides by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(m: Machine, a: int, b: int) -> int:
    if b == 0:
        raise UnknownValue("a DWARF expression divides by zero")
    return a % b


_BINARY: dict[int, Binary] = {
    0x1A: lambda m, a, b: a & b,
    0x1B: _quotient,
    0x1C: lambda m, a, b: a - b,
    0x1D: _remainder,
    0x1E: lambda m, a, b: a * b,
    0x21: lambda m, a, b: a | b,
    0x22: lambda m, a, b: a + b,
    0x24: lambda m, a, b: a << b if b < m.bits else 0,
    0x25: lambda m, a, b: a >> b if b < m.bits else 0,
    0x26: lambda m, a, b: m.signed(a) >> min(b, m.bits),
    0x27: lambda m, a, b: a ^ b,
    0x29: lambda m, a, b: a == b,
    0x2A: lambda m, a, b: m.signed(a) >= m.signed(b),
    0x2B: lambda m, a, b: m.signed(a) > m.signed(b),
    0x2C: lambda m, a, b: m.signed(a) <= m.signed(b),
    0x2D: lambda m, a, b: m.signed(a) < m.signed(b),
    0x2E: lambda m, a, b: a != b,
}
_UNARY: dict[int, Callable[[Machine, int], int]] = {
    0x19: lambda m, a: abs(m.signed(a)),
    0x1F: lambda m, a: -a,
    0x20: lambda m, a: ~a,
}
_FIXED = {0x08: (1, False), 0x09: (1, True), 0x0A: (2, False), 0x0B: (2, True)} | {
    0x0C: (4, False), 0x0D: (4, True), 0x0E: (8, False), 0x0F: (8, True),
}  # fmt: skip


def _binary(m: Machine, cursor: Cursor, op: int) -> None:
    right = m.stack.pop()
    m.push(int(_BINARY[op](m, m.stack.pop(), right)))


def _unary(m: Machine, cursor: Cursor, op: int) -> None:
    m.push(_UNARY[op](m, m.stack.pop()))


def _constant(m: Machine, cursor: Cursor, op: int) -> None:
    size, signed = _FIXED[op]
    m.push(cursor.fixed(size, signed))


def _address(m: Machine, cursor: Cursor, op: int) -> None:
    m.push(cursor.fixed(m.address_size) + m.bias)


def _indexed_address(m: Machine, cursor: Cursor, op: int) -> None:
    if m.unit is None:
        raise UnknownValue("an indexed address without its unit")
    address = m.unit.dwarf.indexed_address(m.unit, cursor.uleb())
    m.push(address + (m.bias if op in (0xA1, 0xFB) else 0))


def _literal(m: Machine, cursor: Cursor, op: int) -> None:
    m.push(op - 0x30)


def _pick(m: Machine, cursor: Cursor, op: int) -> None:
    depth = {0x12: 0, 0x14: 1}.get(op)
    m.push(m.stack[-1 - (cursor.fixed(1) if depth is None else depth)])


def _swap(m: Machine, cursor: Cursor, op: int) -> None:
    m.stack[-1], m.stack[-2] = m.stack[-2], m.stack[-1]


def _rotate(m: Machine, cursor: Cursor, op: int) -> None:
    m.stack[-3:] = [m.stack[-1], m.stack[-3], m.stack[-2]]


def _drop(m: Machine, cursor: Cursor, op: int) -> None:
    m.stack.pop()


def _plus_constant(m: Machine, cursor: Cursor, op: int) -> None:
    m.push(m.stack.pop() + cursor.uleb())


def _branch(m: Machine, cursor: Cursor, op: int) -> None:
    distance = cursor.fixed(2, signed=True)
    if op == 0x2F or m.stack.pop():
        cursor.jump(distance)


def _deref(m: Machine, cursor: Cursor, op: int) -> Asking:
    size = m.address_size
    if op != 0x06:
        size = cursor.fixed(1)
    if op in (0xA6, 0xF6):
        cursor.uleb()  # the type of what is read
    m.push((yield from m.read(m.stack.pop(), size)))


def _register(m: Machine, cursor: Cursor, op: int) -> None:
    m.place = Piece("register", cursor.uleb() if op == 0x90 else op - 0x50)


def _register_plus(m: Machine, cursor: Cursor, op: int) -> Asking:
    number = cursor.uleb() if op == 0x92 else op - 0x70
    offset = cursor.sleb()
    m.push((yield from m.ask(RegisterRequest(number), f"register {number}")) + offset)


def _register_value(m: Machine, cursor: Cursor, op: int) -> Asking:
    number = cursor.uleb()
    cursor.uleb()  # the type of what it holds
    m.push((yield from m.ask(RegisterRequest(number), f"register {number}")))


def _frame_base(m: Machine, cursor: Cursor, op: int) -> Asking:
    offset = cursor.sleb()
    m.push((yield from m.ask(FrameBaseRequest(), "the frame base")) + offset)


def _cfa(m: Machine, cursor: Cursor, op: int) -> Asking:
    m.push((yield from m.ask(CfaRequest(), "the frame address")))


def _tls(m: Machine, cursor: Cursor, op: int) -> Asking:
    m.push((yield from m.ask(TlsRequest(m.stack.pop()), "the thread's storage")))


def _entry_value(m: Machine, cursor: Cursor, op: int) -> Asking:
    expression = cursor.block(cursor.uleb())
    m.push((yield from m.ask(EntryValueRequest(expression), "the value at entry")))


def _stack_value(m: Machine, cursor: Cursor, op: int) -> None:
    m.place = Piece("value", m.stack.pop())


def _implicit_value(m: Machine, cursor: Cursor, op: int) -> None:
    m.place = Piece("bytes", data=cursor.block(cursor.uleb()))


def _implicit_pointer(m: Machine, cursor: Cursor, op: int) -> None:
    raise UnknownValue("a pointer to something that was optimised away")


def _piece(m: Machine, cursor: Cursor, op: int) -> None:
    if op == 0x93:
        m.end_piece(cursor.uleb() * 8)
    else:
        m.end_piece(cursor.uleb(), cursor.uleb())


def _call(m: Machine, cursor: Cursor, op: int) -> Asking:
    if m.unit is None:
        raise UnknownValue("a call without its unit")
    size = {0x98: 2, 0x99: 4}.get(op, m.unit.offset_size)
    offset = cursor.fixed(size)
    die = _die_at(m, offset if op == 0x9A else m.unit.offset + offset)
    code = die.block(c.DW_AT_location)
    if code:
        yield from m.run(code, cursor.depth + 1)


def _typed_constant(m: Machine, cursor: Cursor, op: int) -> None:
    size, signed = _integer_type(m, cursor.uleb())
    data = cursor.block(cursor.fixed(1))
    if len(data) != size:
        raise LookupError("a constant of another size than its type")
    m.push(int.from_bytes(data, m.byteorder, signed=signed))


def _convert(m: Machine, cursor: Cursor, op: int) -> None:
    offset = cursor.uleb()
    if offset == 0:
        return
    size, signed = _integer_type(m, offset)
    value = m.stack.pop() & (1 << size * 8) - 1
    m.push(value - (1 << size * 8) if signed and value >> (size * 8 - 1) else value)


def _integer_type(m: Machine, offset: int) -> tuple[int, bool]:
    """(size in bytes, signed) of the base type at an offset of the unit."""
    if m.unit is None:
        raise UnknownValue("a type without its unit")
    die = _die_at(m, m.unit.offset + offset)
    encoding, size = die.uint(c.DW_AT_encoding), die.size(c.DW_AT_byte_size)
    if encoding in (c.DW_ATE_float, c.DW_ATE_complex_float) or not 0 < size <= m.address_size:
        raise UnknownValue("an expression over floating-point numbers")
    return size, encoding in (c.DW_ATE_signed, c.DW_ATE_signed_char)


def _die_at(m: Machine, offset: int) -> Die:
    from unidbg_symbols.dwarf.die import read_die

    if m.unit is None:
        raise UnknownValue("an entry without its unit")
    unit = m.unit if m.unit.first <= offset < m.unit.end else m.unit.dwarf.unit_at(offset)
    return read_die(unit, offset)


def _no_operation(m: Machine, cursor: Cursor, op: int) -> None:
    return None


def _uleb_constant(m: Machine, cursor: Cursor, op: int) -> None:
    m.push(cursor.uleb() if op == 0x10 else cursor.sleb())


def _uninitialised(m: Machine, cursor: Cursor, op: int) -> None:
    raise UnknownValue("the variable is not initialised here")


def _table() -> Iterator[tuple[int, Operation]]:
    yield from ((op, _binary) for op in _BINARY)
    yield from ((op, _unary) for op in _UNARY)
    yield from ((op, _constant) for op in _FIXED)
    yield from ((op, _literal) for op in range(0x30, 0x50))
    yield from ((op, _register) for op in (*range(0x50, 0x70), 0x90))
    yield from ((op, _register_plus) for op in (*range(0x70, 0x90), 0x92))
    yield from ((op, _deref) for op in (0x06, 0x94, 0xA6, 0xF6))
    yield from ((op, _pick) for op in (0x12, 0x14, 0x15))
    yield from ((op, _branch) for op in (0x28, 0x2F))
    yield from ((op, _uleb_constant) for op in (0x10, 0x11))
    yield from ((op, _indexed_address) for op in (0xA1, 0xA2, 0xFB, 0xFC))
    yield from ((op, _call) for op in (0x98, 0x99, 0x9A))
    yield from ((op, _tls) for op in (0x9B, 0xE0))
    yield from ((op, _piece) for op in (0x93, 0x9D))
    yield from ((op, _entry_value) for op in (0xA3, 0xF3))
    yield from ((op, _implicit_pointer) for op in (0xA0, 0xF2))
    yield from ((op, _typed_constant) for op in (0xA4, 0xF4))
    yield from ((op, _register_value) for op in (0xA5, 0xF5))
    yield from ((op, _convert) for op in (0xA8, 0xA9, 0xF7, 0xF9))


OPERATIONS: dict[int, Operation] = {
    **dict(_table()),
    0x03: _address,
    0x13: _drop,
    0x16: _swap,
    0x17: _rotate,
    0x23: _plus_constant,
    0x91: _frame_base,
    0x96: _no_operation,
    0x9C: _cfa,
    0x9E: _implicit_value,
    0x9F: _stack_value,
    0xF0: _uninitialised,
}
