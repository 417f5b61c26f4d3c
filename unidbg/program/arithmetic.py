"""Arithmetic of C on typed values: conversions, pointers, comparison.

Results are values without an address.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable

from unidbg_symbols import types as t

from unidbg.program.tokens import ExpressionError
from unidbg.program.value import Value, WrongType
from unidbg.target.base import AddressSpace

INT = t.IntType("int", 4, True, 5)
UNSIGNED = t.IntType("unsigned int", 4, False, 7)
LONG = t.IntType("long", 8, True, 5)
UNSIGNED_LONG = t.IntType("unsigned long", 8, False, 7)
DOUBLE = t.FloatType("double", 8)
VOID = t.VoidType()
MAX_SHIFT = 63

INTEGER_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
FLOAT_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class Arithmetic:
    """Operators over values of one program, whose addresses have `pointer_bytes`."""

    def __init__(self, memory: AddressSpace, pointer_bytes: int = 8) -> None:
        self._memory = memory
        self.pointer_bytes = pointer_bytes

    def integer(self, number: int, type_: t.Type | None = None) -> Value:
        """A constant; without a type the first of int, long and unsigned long that holds it."""
        if type_ is None:
            fits = [k for k in (INT, LONG) if -(1 << 8 * k.size - 1) <= number < 1 << 8 * k.size - 1]
            type_ = fits[0] if fits else UNSIGNED_LONG
        size = type_.size or 8
        return Value(self._memory, type_, None, (number & ((1 << 8 * size) - 1)).to_bytes(size, "little"))

    def pointer(self, address: int, target: t.Type) -> Value:
        """`address` as a pointer to `target`."""
        return self.integer(address, t.PointerType(target, self.pointer_bytes))

    def double(self, number: float) -> Value:
        """A floating-point constant."""
        return Value(self._memory, DOUBLE, None, struct.pack("<d", number))

    def decay(self, value: Value) -> Value:
        """An array as the pointer to its first element, a function as its address; other values as they
        are.
        """
        plain = t.strip(value.type_)
        if isinstance(plain, t.ArrayType) and value.address_ is not None:
            return self.pointer(value.address_, plain.element)
        if isinstance(plain, t.FunctionType) and value.address_ is not None:
            return self.pointer(value.address_, plain)
        return value

    def binary(self, symbol: str, left: Value, right: Value) -> Value:
        """`left symbol right`."""
        left, right = self.decay(left), self.decay(right)
        if symbol in COMPARISONS:
            return self.integer(int(COMPARISONS[symbol](number(left), number(right))))
        if left.is_pointer_() or right.is_pointer_():
            return self._with_pointer(symbol, left, right)
        if _is_float(left) or _is_float(right):
            return self._floats(symbol, left, right)
        return self._integers(symbol, left, right)

    def _with_pointer(self, symbol: str, left: Value, right: Value) -> Value:
        if symbol == "-" and left.is_pointer_() and right.is_pointer_():
            return self.integer((left.int_() - right.int_()) // _step(left), LONG)
        if symbol == "+" and right.is_pointer_():
            left, right = right, left
        if symbol not in ("+", "-") or right.is_pointer_():
            raise ExpressionError(f"`{symbol}` makes no sense of {left.type_.name} and {right.type_.name}")
        offset = right.int_() * _step(left)
        return self.integer(left.int_() + (offset if symbol == "+" else -offset), left.type_)

    def _floats(self, symbol: str, left: Value, right: Value) -> Value:
        if symbol not in FLOAT_OPERATORS:
            raise ExpressionError(f"`{symbol}` is not for floating-point numbers")
        try:
            return self.double(FLOAT_OPERATORS[symbol](float(number(left)), float(number(right))))
        except ZeroDivisionError:
            raise ExpressionError("division by zero") from None

    def _integers(self, symbol: str, left: Value, right: Value) -> Value:
        a, b = left.int_(), right.int_()
        result = common(left.type_, right.type_)
        if symbol in INTEGER_OPERATORS:
            return self.integer(INTEGER_OPERATORS[symbol](a, b), result)
        if symbol in ("<<", ">>"):
            if not 0 <= b <= MAX_SHIFT:
                raise ExpressionError(f"a shift by {b} bits is none of 0 to {MAX_SHIFT}")
            return self.integer(a << b if symbol == "<<" else a >> b, promote(left.type_))
        if b == 0:
            raise ExpressionError("division by zero")
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return self.integer(quotient if symbol == "/" else a - b * quotient, result)

    def unary(self, symbol: str, value: Value) -> Value:
        """`-`, `+`, `~` or `!` before a value."""
        value = self.decay(value)
        if symbol == "!":
            return self.integer(int(not number(value)))
        if _is_float(value) and symbol in "+-":
            return self.double(-value.float_() if symbol == "-" else value.float_())
        if value.is_pointer_():
            raise ExpressionError(f"`{symbol}` makes no sense of {value.type_.name}")
        amount = value.int_()
        return self.integer({"-": -amount, "+": amount, "~": ~amount}[symbol], promote(value.type_))


def number(value: Value) -> int | float:
    """The value as a Python number; WrongType for structs and arrays."""
    return value.float_() if _is_float(value) else value.int_()


def _is_float(value: Value) -> bool:
    return isinstance(t.strip(value.type_), t.FloatType)


def _step(pointer: Value) -> int:
    """Bytes from one pointed-to object to the next; 1 for void and functions, as gdb has it."""
    plain = t.strip(pointer.type_)
    if not isinstance(plain, t.PointerType):
        raise WrongType(f"{pointer.type_.name} is no pointer")
    return plain.target.size or 1


def promote(type_: t.Type) -> t.Type:
    """What an operand of less than an int becomes."""
    plain = t.strip(type_)
    if plain.size < INT.size or not isinstance(plain, t.IntType):
        return INT if plain.size <= INT.size else LONG
    return plain


def common(left: t.Type, right: t.Type) -> t.Type:
    """The usual arithmetic conversions of two integers."""
    a, b = promote(left), promote(right)
    if a.size != b.size:
        return a if a.size > b.size else b
    return b if isinstance(b, t.IntType) and not b.signed else a
