"""Evaluates C-like expressions against a guest: a recursive descent that reads, and never calls or writes.

heap.current - heap.start      loop.timers[2]->callback     *(struct timer *)0x104000
&kernel_heap                   $rsp + 8                     'net.c'::state.tx[head & 15]
"""

from __future__ import annotations

from collections.abc import Callable

from unidbg_symbols import types as t

from unidbg.errors import RegisterUnavailable, SymbolError, SymbolNotFound
from unidbg.program.arithmetic import UNSIGNED_LONG, VOID, Arithmetic, number
from unidbg.program.names import Names
from unidbg.program.program import Program
from unidbg.program.tokens import ExpressionError, Token, tokenize
from unidbg.program.value import Value

MAX_DEPTH = 64
LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)
"""Binary operators, loosest first."""
CODE_REGISTERS = frozenset({"rip", "eip", "pc", "rsp", "rbp", "esp", "ebp", "sp", "fp", "lr"})
ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "a": 7, "b": 8, "f": 12, "v": 11}


def evaluate(program: Program, text: str, thread: str | None = None) -> Value:
    """The value of an expression; registers are those of `thread` (the first one).

    ExpressionError, SymbolNotFound and MemoryFault say what was wrong.
    """
    return _Evaluator(program, text, thread).whole()


def evaluate_address(program: Program, text: str, thread: str | None = None) -> int:
    """A place to look at: what a pointer or integer holds, or where an array, a struct or a function lies.

    `symbol+offset` counts bytes, whatever the symbol's type: that is how places are printed.
    """
    plain = Names(program).symbol_offset(text)
    if plain is not None:
        return plain
    value = evaluate(program, text, thread)
    if isinstance(t.strip(value.type_), t.StructType | t.ArrayType | t.FunctionType | t.OpaqueType):
        if value.address_ is None:
            raise ExpressionError(f"`{text}` is {value.type_.name}, not a place in memory")
        return value.address_
    return value.int_() & 0xFFFF_FFFF_FFFF_FFFF


class _Evaluator:
    def __init__(self, program: Program, text: str, thread: str | None) -> None:
        self._program = program
        self._names = Names(program)
        self._arithmetic = Arithmetic(program.memory, program.pointer_bytes)
        self._text = text
        self._thread = thread
        self._tokens = tokenize(text)
        self._at = 0
        self._depth = 0

    # tokens

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> bool:
        if self._token.kind == "operator" and self._token.text in texts:
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._error(f"`{text}` is missing")

    def _error(self, reason: str) -> ExpressionError:
        place = f"before `{self._text[self._token.at :]}`" if self._token.kind != "end" else "at the end"
        return ExpressionError(f"{reason} {place} of `{self._text}`")

    # grammar

    def whole(self) -> Value:
        if self._token.kind == "end":
            raise ExpressionError("there is no expression to evaluate")
        value = self._binary(0)
        if self._token.kind != "end":
            raise self._error("an operator is missing")
        return value

    def _binary(self, level: int) -> Value:
        if level == len(LEVELS):
            return self._nested(self._unary)
        left = self._binary(level + 1)
        while self._token.kind == "operator" and self._token.text in LEVELS[level]:
            symbol = self._token.text
            self._at += 1
            left = self._combine(symbol, left, level)
        return left

    def _combine(self, symbol: str, left: Value, level: int) -> Value:
        if symbol not in ("&&", "||"):
            return self._arithmetic.binary(symbol, left, self._binary(level + 1))
        truth = bool(number(self._arithmetic.decay(left)))
        right = self._binary(level + 1)
        other = bool(number(self._arithmetic.decay(right)))
        return self._arithmetic.integer(int(truth and other if symbol == "&&" else truth or other))

    def _nested(self, parse: Callable[[], Value]) -> Value:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"the expression is nested more than {MAX_DEPTH} deep")
        value = parse()
        self._depth -= 1
        return value

    def _unary(self) -> Value:
        token = self._token
        if token.kind == "name" and token.text == "sizeof":
            self._at += 1
            return self._sizeof()
        if self._take("-", "+", "~", "!"):
            return self._arithmetic.unary(token.text, self._nested(self._unary))
        if self._take("*"):
            return self._deref(self._nested(self._unary))
        if self._take("&"):
            return self._address_of(self._nested(self._unary))
        cast = self._cast_type()
        if cast is not None:
            return self._cast(self._nested(self._unary), cast)
        return self._postfix()

    def _deref(self, value: Value) -> Value:
        value = self._arithmetic.decay(value)
        plain = t.strip(value.type_)
        if isinstance(plain, t.IntType):
            raise ExpressionError(f"{value.type_.name} cannot be followed; cast it: *(TYPE *)({self._text})")
        if isinstance(plain, t.PointerType) and isinstance(t.strip(plain.target), t.VoidType):
            raise ExpressionError("a `void *` cannot be followed; cast it: *(TYPE *)")
        return value.deref_()

    def _address_of(self, value: Value) -> Value:
        if value.address_ is None:
            raise ExpressionError(f"a value of type {value.type_.name} has no address")
        return self._arithmetic.pointer(value.address_, value.type_)

    def _cast(self, value: Value, type_: t.Type) -> Value:
        plain = t.strip(type_)
        if isinstance(plain, t.FloatType):
            return self._arithmetic.double(float(number(value)))
        if isinstance(t.strip(value.type_), t.FloatType):
            return self._arithmetic.integer(int(value.float_()), type_)
        if isinstance(plain, t.StructType | t.ArrayType) and value.address_ is None:
            raise ExpressionError(f"{value.type_.name} is no {type_.name}; cast a pointer")
        return self._arithmetic.decay(value).cast_(type_)

    def _sizeof(self) -> Value:
        type_ = self._cast_type()
        size = type_.size if type_ is not None else self._nested(self._unary).size_
        return self._arithmetic.integer(size, UNSIGNED_LONG)

    def _cast_type(self) -> t.Type | None:
        """The type in parentheses that starts here, taken; `None` where it is an expression in them."""
        if self._token.kind != "operator" or self._token.text != "(":
            return None
        end = self._at + 1
        while self._tokens[end].kind == "name" or self._tokens[end].text == "*":
            end += 1
        words = [token.text for token in self._tokens[self._at + 1 : end]]
        if self._tokens[end].text != ")" or not words or words[0] == "*":
            return None
        found = self._names.type(words)
        if found is not None:
            self._at = end + 1
        return found

    def _postfix(self) -> Value:
        value = self._primary()
        while True:
            if self._take("."):
                value = value.member_(self._member_name())
            elif self._take("->"):
                value = self._deref(value).member_(self._member_name())
            elif self._take("["):
                index = self._nested(lambda: self._binary(0)).int_()
                self._expect("]")
                value = self._arithmetic.decay(value).index_(index)
            elif self._token.text == "(":
                raise self._error("functions of the guest are not called: remove the call")
            else:
                return value

    def _member_name(self) -> str:
        if self._token.kind != "name":
            raise self._error("the name of a member is missing")
        self._at += 1
        return self._tokens[self._at - 1].text

    def _primary(self) -> Value:
        token = self._token
        self._at += 1
        if token.kind == "number":
            return self._number(token.text)
        if token.kind == "character":
            return self._arithmetic.integer(_character(token.text))
        if token.kind == "register":
            return self._register(token.text[1:])
        if token.kind == "name":
            return self._names.value(token.text)
        if token.kind == "file":
            self._expect("::")
            return self._names.value(self._member_name(), token.text.strip("'"))
        self._at -= 1
        if self._take("("):
            value = self._nested(lambda: self._binary(0))
            self._expect(")")
            return value
        raise self._error("a value is missing")

    def _number(self, text: str) -> Value:
        if "." in text:
            return self._arithmetic.double(float(text))
        octal = len(text) > 1 and text[0] == "0" and text[1].isdigit()
        try:
            amount = int(text, 8) if octal else int(text, 0)
        except ValueError:
            raise ExpressionError(f"`{text}` is no number") from None
        if amount >> 64:
            raise ExpressionError(f"{text} does not fit 64 bits")
        return self._arithmetic.integer(amount)

    def _register(self, name: str) -> Value:
        thread = self._thread or next((info.id for info in self._program.target.threads()), "")
        values = self._program.registers(thread)
        if name not in values:
            raise SymbolNotFound(f"no register `${name}`; known: {', '.join(values)}", name=name)
        amount = values[name]
        if amount is None:
            raise RegisterUnavailable(name)
        if name in CODE_REGISTERS:
            return self._arithmetic.pointer(amount, VOID)
        return self._arithmetic.integer(amount, _register_type(amount))


def _register_type(amount: int) -> t.Type:
    return UNSIGNED_LONG if amount >> 64 == 0 else t.IntType("unsigned __int128", 16, False, 7)


def _character(text: str) -> int:
    inner = text[1:-1]
    if inner.startswith("\\x"):
        return int(inner[2:], 16)
    if inner.startswith("\\"):
        return ESCAPES.get(inner[1], ord(inner[1]))
    return ord(inner)


__all__ = ["ExpressionError", "SymbolError", "evaluate", "evaluate_address"]
