"""What a name in an expression stands for: a variable, a symbol, or a type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from unidbg_symbols import types as t

from unidbg.errors import NoDebugInfo, SymbolError, SymbolNotFound, TypeNotFound
from unidbg.program.module import Module
from unidbg.program.program import Program
from unidbg.program.value import Value

SYMBOL_OFFSET = re.compile(r"\s*<?([A-Za-z_.$][\w.$:@]*)>?\s*([+-])\s*(0[xX][0-9a-fA-F]+|\d+)\s*>?\s*$")
TYPE_WORDS = frozenset({
    *("struct", "union", "enum", "class", "const", "volatile", "unsigned", "signed"),
    *("char", "short", "int", "long", "float", "double", "void", "_Bool", "bool"),
})  # fmt: skip
BUILTIN: dict[str, tuple[int, bool]] = {
    "char": (1, True),
    "signed char": (1, True),
    "unsigned char": (1, False),
    "short": (2, True),
    "unsigned short": (2, False),
    "int": (4, True),
    "unsigned": (4, False),
    "unsigned int": (4, False),
    "long": (8, True),
    "unsigned long": (8, False),
    "long long": (8, True),
    "unsigned long long": (8, False),
    "int8_t": (1, True),
    "uint8_t": (1, False),
    "int16_t": (2, True),
    "uint16_t": (2, False),
    "int32_t": (4, True),
    "uint32_t": (4, False),
    "int64_t": (8, True),
    "uint64_t": (8, False),
    "size_t": (8, False),
    "uintptr_t": (8, False),
}
"""(bytes, signed) of what any C programmer may cast to, for images that do not say it."""


class Names:
    """Look-ups over all modules of a program."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def value(self, name: str, file: str | None = None) -> Value:
        """The variable `name` (of source `file`), else the function or object that the symbol table has."""
        if file is not None:
            return self._of_file(name, file)
        try:
            return self._program.value(name)
        except (SymbolNotFound, NoDebugInfo):
            found = self._symbol(name)
            if found is None:
                raise
            return found

    def _of_file(self, name: str, file: str) -> Value:
        for module in self._program.modules:
            for variable in module.image.variables_named(name):
                if variable.address is not None and _same_file(file, variable.file, variable.unit):
                    return self._program.value_at(variable.type, module.run_address(variable.address), module)
        raise SymbolNotFound(f"no variable `{name}` in a source file {file}", name=name)

    def _symbol(self, name: str) -> Value | None:
        """A symbol without a DWARF variable: a function, or data of unknown type."""
        for module in self._program.modules:
            for symbol in module.image.symbols_named(name):
                address = module.run_address(symbol.address)
                if symbol.kind == "func":
                    code: t.Type = t.FunctionType(t.VoidType(), (), variadic=False)
                else:
                    code = t.OpaqueType("<data without debug information>", symbol.size)
                return self._program.value_at(code, address, module)
        return None

    def symbol_offset(self, text: str) -> int | None:
        """The address of `symbol+offset`, bytes, as places are printed; `None` where it is another
        expression.
        """
        match = SYMBOL_OFFSET.match(text)
        if match is None:
            return None
        name, sign, offset = match.groups()
        for module in self._program.modules:
            for symbol in module.image.symbols_named(name):
                distance = int(offset, 0)
                return module.run_address(symbol.address + (distance if sign == "+" else -distance))
        return None

    def type(self, words: Sequence[str]) -> t.Type | None:
        """The type that `words` spell (`struct`, `foo`, `*`); `None` where they are no type.

        TypeNotFound where they can be nothing else.
        """
        base = [word for word in words if word != "*"]
        stars = len(words) - len(base)
        if words[len(base) :] != ["*"] * stars or not base:
            return None
        found = self._base_type(" ".join(base), certain=base[0] in TYPE_WORDS)
        for _ in range(stars if found is not None else 0):
            assert found is not None
            found = t.PointerType(found, self._program.pointer_bytes)
        return found

    def _base_type(self, name: str, *, certain: bool) -> t.Type | None:
        if not certain and any(True for _ in self._meanings(name)):
            return None
        if name == "void":
            return t.VoidType()
        wrong: SymbolError | None = None
        for module in self._program.modules:
            try:
                return module.image.type(name)
            except (TypeNotFound, NoDebugInfo) as error:
                wrong = wrong or error
        if name in BUILTIN:
            size, signed = BUILTIN[name]
            return t.IntType(name, size, signed, 5 if signed else 7)
        if certain and wrong is not None:
            raise wrong
        return None

    def _meanings(self, name: str) -> Iterator[Module]:
        """Modules in which `name` is something other than a type."""
        for module in self._program.modules:
            if module.image.symbols_named(name) or module.image.variables_named(name):
                yield module


def _same_file(wanted: str, *known: str) -> bool:
    return any(path == wanted or path.endswith(f"/{wanted}") for path in known if path)
