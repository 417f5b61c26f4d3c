"""Demangles Rust's v0 symbols (RFC 2603; the names that current compilers write begin with `_R`).

A recursive descent over the grammar of the RFC. Bounded in depth and in length: back references could
otherwise make a name of a hundred bytes grow without end.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

_BASIC_TYPES = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize",
    "j": "usize", "l": "i32", "m": "u32", "n": "i128", "o": "u128", "p": "_", "s": "i16", "t": "u16",
    "u": "()", "v": "...", "x": "i64", "y": "u64", "z": "!",
}  # fmt: skip
_UNSIGNED, _SIGNED = frozenset("htmyoj"), frozenset("aslxni")
_DEEPEST, _LONGEST, _MOST_STEPS = 128, 1 << 14, 1 << 14
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class NotMangled(ValueError):
    """The text is no v0 symbol."""


def demangle_v0(name: str) -> str:
    """The path that a v0 symbol names, without the hashes of crates; NotMangled for anything else."""
    start = 2 if name.startswith("_R") else 3 if name.startswith("__R") else 0
    if not start or not name.isascii():
        raise NotMangled(name)
    body, dot, suffix = name[start:].partition(".")
    parser = _Parser(body)
    text = parser.path(value=True)
    if parser.at < len(body):
        parser.quiet(lambda: parser.path(value=False))  # the crate that instantiated it
    if parser.at != len(body):
        raise NotMangled(name)
    return f"{text} ({dot}{suffix})" if suffix and not suffix.startswith("llvm") else text


class _Parser:
    def __init__(self, text: str) -> None:
        self.text: Final = text
        self.at = 0
        self.depth = 0
        self.length = 0
        self.steps = 0
        self.lifetimes = 0

    # Characters

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def eat(self, letter: str) -> bool:
        if self.peek() == letter:
            self.at += 1
            return True
        return False

    def next(self) -> str:
        letter = self.peek()
        if not letter:
            raise NotMangled(self.text)
        self.at += 1
        return letter

    def emit(self, text: str) -> str:
        self.length += len(text)
        if self.length > _LONGEST:
            raise NotMangled(self.text)
        return text

    # Numbers and identifiers

    def base62(self) -> int:
        value = 0
        if self.eat("_"):
            return 0
        while not self.eat("_"):
            digit = _DIGITS.find(self.next())
            if digit < 0:
                raise NotMangled(self.text)
            value = value * 62 + digit
        return value + 1

    def optional(self, letter: str) -> int:
        """A number that stands only behind its letter; one more than it says, 0 where it is not there."""
        return self.base62() + 1 if self.eat(letter) else 0

    def decimal(self) -> int:
        if self.eat("0"):
            return 0  # no number begins with 0, so what follows belongs to something else
        start = self.at
        while self.peek().isdigit():
            self.at += 1
        if start == self.at or self.at - start > 6:
            raise NotMangled(self.text)
        return int(self.text[start : self.at])

    def identifier(self) -> tuple[str, int]:
        """(name, disambiguator)."""
        disambiguator = self.optional("s")
        return self.bare_identifier(), disambiguator

    def bare_identifier(self) -> str:
        encoded = self.eat("u")
        size = self.decimal()
        self.eat("_")
        if self.at + size > len(self.text):
            raise NotMangled(self.text)
        self.at += size
        text = self.text[self.at - size : self.at]
        return self.emit(_from_punycode(text) if encoded else text)

    # What refers back, and what is left out

    def back_reference(self, parse: Callable[[], str]) -> str:
        here = self.at - 1
        target = self.base62()
        if target >= here:
            raise NotMangled(self.text)
        back, self.at = self.at, target
        try:
            return self.deeper(parse)
        finally:
            self.at = back

    def deeper(self, parse: Callable[[], str]) -> str:
        self.depth += 1
        self.steps += 1
        if self.depth > _DEEPEST or self.steps > _MOST_STEPS:
            raise NotMangled(self.text)
        try:
            return parse()
        finally:
            self.depth -= 1

    def quiet(self, parse: Callable[[], str]) -> None:
        """Parse what is not shown."""
        before = self.length
        parse()
        self.length = before

    # Paths

    def path(self, value: bool) -> str:
        return self.deeper(lambda: self._path(value))

    def _path(self, value: bool) -> str:
        kind = self.next()
        if kind == "C":
            return self.identifier()[0]
        if kind == "N":
            return self.nested(value)
        if kind == "M":
            self.impl_path()
            return f"<{self.type()}>"
        if kind == "X":
            self.impl_path()
            return f"<{self.type()} as {self.path(value=False)}>"
        if kind == "Y":
            return f"<{self.type()} as {self.path(value=False)}>"
        if kind == "I":
            head = self.path(value)
            return self.emit(f"{head}{'::' if value else ''}<{', '.join(self.until_end(self.generic))}>")
        if kind == "B":
            return self.back_reference(lambda: self.path(value))
        raise NotMangled(self.text)

    def impl_path(self) -> None:
        self.optional("s")
        self.quiet(lambda: self.path(value=False))

    def nested(self, value: bool) -> str:
        namespace = self.next()
        head = self.path(value)
        name, number = self.identifier()
        if namespace.isupper():
            word = {"C": "closure", "S": "shim"}.get(namespace, namespace)
            return self.emit(f"{head}::{{{word}{':' if name else ''}{name}#{number}}}")
        return self.emit(f"{head}::{name}") if name else head

    def until_end(self, parse: Callable[[], str]) -> list[str]:
        found = []
        while not self.eat("E"):
            found.append(parse())
        return found

    def generic(self) -> str:
        if self.eat("L"):
            return self.lifetime(self.base62())
        if self.eat("K"):
            return self.constant()
        return self.type()

    def lifetime(self, index: int) -> str:
        if index == 0:
            return "'_"
        depth = self.lifetimes - index
        if depth < 0:
            raise NotMangled(self.text)
        return f"'{chr(ord('a') + depth)}" if depth < 26 else f"'_{depth}"

    # Types

    def type(self) -> str:
        return self.deeper(self._type)

    def _type(self) -> str:
        kind = self.next()
        if kind in _BASIC_TYPES:
            return self.emit(_BASIC_TYPES[kind])
        if kind in "RQ":
            lifetime = self.base62() if self.eat("L") else 0
            named = f"{self.lifetime(lifetime)} " if lifetime else ""
            return f"&{named}{'mut ' if kind == 'Q' else ''}{self.type()}"
        if kind in "PO":
            return f"*{'const' if kind == 'P' else 'mut'} {self.type()}"
        if kind == "S":
            return f"[{self.type()}]"
        if kind == "A":
            return f"[{self.type()}; {self.constant()}]"
        if kind == "T":
            members = self.until_end(self.type)
            return f"({', '.join(members)}{',' if len(members) == 1 else ''})"
        if kind == "F":
            return self.bound(self.function)
        if kind == "D":
            return self.dynamic()
        if kind == "B":
            return self.back_reference(self.type)
        self.at -= 1
        return self.path(value=False)

    def bound(self, parse: Callable[[], str]) -> str:
        """What may introduce lifetimes of its own (`for<'a>`)."""
        count = self.optional("G")
        if count > _DEEPEST:
            raise NotMangled(self.text)
        names = []
        for _ in range(count):
            self.lifetimes += 1
            names.append(self.lifetime(1))
        text = parse()
        self.lifetimes -= count
        return (f"for<{', '.join(names)}> " if names else "") + text

    def function(self) -> str:
        words = "unsafe " if self.eat("U") else ""
        if self.eat("K"):
            abi = "C" if self.eat("C") else self.bare_identifier().replace("_", "-")
            words += f'extern "{abi}" '
        parameters = ", ".join(self.until_end(self.type))
        returned = "" if self.eat("u") else f" -> {self.type()}"
        return f"{words}fn({parameters}){returned}"

    def dynamic(self) -> str:
        bounds = self.bound(lambda: " + ".join(self.until_end(self.dynamic_trait)))
        if not self.eat("L"):
            raise NotMangled(self.text)
        lifetime = self.base62()
        return f"dyn {bounds}" + (f" + {self.lifetime(lifetime)}" if lifetime else "")

    def dynamic_trait(self) -> str:
        text = self.path(value=False)
        bindings = []
        while self.eat("p"):
            bindings.append(f"{self.bare_identifier()} = {self.type()}")
        if not bindings:
            return text
        inside = ", ".join(bindings)
        return f"{text[:-1]}, {inside}>" if text.endswith(">") else f"{text}<{inside}>"

    def constant(self) -> str:
        if self.eat("B"):
            return self.back_reference(self.constant)
        kind = self.next()
        if kind == "p":
            return "_"
        negative = "-" if kind in _SIGNED and self.eat("n") else ""
        start = self.at
        while self.peek() in tuple("0123456789abcdef"):
            self.at += 1
        digits = self.text[start : self.at]
        if not self.eat("_"):
            raise NotMangled(self.text)
        value = int(digits or "0", 16)
        if kind == "b":
            return "true" if value else "false"
        if kind == "c":
            return repr(chr(value)) if value < 0x110000 else "'?'"
        if kind not in _UNSIGNED | _SIGNED:
            raise NotMangled(self.text)
        return f"{negative}{value if value >> 64 == 0 else hex(value)}"


def _from_punycode(text: str) -> str:
    """Rust's punycode has `_` where RFC 3492 has `-`."""
    basic, found, extended = text.rpartition("_")
    try:
        return (f"{basic}-{extended}" if found else text).encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, IndexError, OverflowError) as error:
        raise NotMangled(text) from error
