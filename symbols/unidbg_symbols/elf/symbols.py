"""Symbol tables: one symbol by name without reading the rest, all of them by address.

A name is found by searching its bytes in the string table and then its offset among the `st_name` fields:
linkers merge the tails of strings, so `server` may live inside `xserver`, and every place where the bytes
end in NUL is a candidate. From the fifth question on a dictionary answers.
"""

from __future__ import annotations

from bisect import bisect_right
from struct import Struct

from unidbg_symbols.damage import parsing
from unidbg_symbols.elf.header import SHT_DYNSYM, SHT_SYMTAB
from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from unidbg_symbols.elf.file import ElfFile
    from unidbg_symbols.elf.header import Section

_KINDS = {0: "notype", 1: "object", 2: "func", 3: "section", 4: "file", 5: "common", 6: "tls", 10: "ifunc"}
_BINDINGS = {0: "local", 1: "global", 2: "weak", 10: "unique"}
_SPECIAL_SECTIONS = {0: "*UND*", 0xFFF1: "*ABS*", 0xFFF2: "*COM*"}
_QUESTIONS_BEFORE_INDEX = 4
_CANDIDATES_AT_MOST = 64


class Symbol(Record):
    """An entry of a symbol table. `address` is link-time, `size` bytes (0: unknown).

    `kind` is `func`, `object`, `notype`, `ifunc`, `tls` (then `address` is an offset into the TLS block),
    `section`, `file` or `common`; `binding` is `global`, `weak`, `local` or `unique`; `section` is a name, or
    `*UND*` (defined elsewhere), `*ABS*` (a number, not a place), `*COM*`.
    """

    __slots__ = ("name", "address", "size", "kind", "binding", "section")

    def __init__(self, name: str, address: int, size: int, kind: str, binding: str, section: str) -> None:
        self.name: Final = name
        self.address: Final = address
        self.size: Final = size
        self.kind: Final = kind
        self.binding: Final = binding
        self.section: Final = section

    @property
    def readable(self) -> str:
        """The name as C++ or Rust writes it, where it is mangled and can be read."""
        from unidbg_symbols.demangle import demangle

        return demangle(self.name)

    @property
    def defined(self) -> bool:
        """True where the image itself has the thing."""
        return self.section != "*UND*"


class SymbolTable:
    """.symtab of an image, or .dynsym where it was stripped."""

    def __init__(self, elf: ElfFile) -> None:
        self._elf = elf
        section = _choose(elf)
        self.present: Final = section is not None
        self._data = elf.contents(section) if section else b""
        self._names = elf.contents(elf.sections[section.link]) if section else b""
        wide = elf.header.bits == 64
        self._layout = Struct(elf.header.order + ("IBBHQQ" if wide else "IIIBBH"))
        self._wide = wide
        self._data = self._data[: len(self._data) // self._layout.size * self._layout.size]
        relocatable = elf.header.elf_type == "rel"
        self._bases = [section.addr for section in elf.sections] if relocatable else []
        self._questions = 0
        self._by_name: dict[str, list[int]] | None = None
        self._ranges: tuple[list[int], list[int]] | None = None
        self._cache: dict[int, Symbol] = {}
        self._answers: dict[str, tuple[Symbol, ...]] = {}

    def __len__(self) -> int:
        return len(self._data) // self._layout.size

    def __iter__(self) -> Iterator[Symbol]:
        return (self[index] for index in range(1, len(self)))

    def __getitem__(self, index: int) -> Symbol:
        found = self._cache.get(index)
        if found is None:
            found = self._cache[index] = self._symbol(index)
        return found

    def named(self, name: str) -> tuple[Symbol, ...]:
        """Every symbol of that name, defined ones first, global before weak before local."""
        known = self._answers.get(name)
        if known is not None:
            return known
        found = [self[index] for index in self._indexes(name)]
        if len(found) > 1:
            found.sort(key=_preference)
        answer = tuple(found)
        if answer:
            self._answers[name] = answer
        return answer

    def at(self, address: int) -> Symbol | None:
        """The symbol that contains an address; one of unknown size reaches to the next."""
        if self._ranges is None:
            from unidbg_symbols.elf.symbol_ranges import symbol_ranges

            self._ranges = symbol_ranges(self, self._elf.sections)
        starts, owners = self._ranges
        owner = owners[bisect_right(starts, address)]
        return None if owner < 0 else self[owner]

    def names(self) -> Iterator[str]:
        """All non-empty names, with repetitions."""
        return (name for name in (self._name(entry[0]) for entry in self.entries()) if name)

    def entries(self) -> Iterator[tuple[int, int, int, int, int]]:
        """(name offset, info, section index, address, size) of each entry, the null entry included."""
        found = self._layout.iter_unpack(self._data)
        if self._bases:
            base = self._base
            if self._wide:
                return ((n, i, x, v + base(x), s) for n, i, _, x, v, s in found)
            return ((n, i, x, v + base(x), s) for n, v, s, i, _, x in found)
        if self._wide:
            return ((n, i, x, v, s) for n, i, _, x, v, s in found)
        return ((n, i, x, v, s) for n, v, s, i, _, x in found)

    def _base(self, shndx: int) -> int:
        """In a relocatable file values count from the start of a section."""
        return self._bases[shndx] if shndx < len(self._bases) else 0

    def _symbol(self, index: int) -> Symbol:
        with parsing("the symbol table", self._elf.path):
            fields = self._layout.unpack_from(self._data, index * self._layout.size)
        if self._wide:
            name, info, _, shndx, value, size = fields
        else:
            name, value, size, info, _, shndx = fields
        kind = _KINDS.get(info & 15, f"type {info & 15}")
        binding = _BINDINGS.get(info >> 4, f"binding {info >> 4}")
        section = _section_name(self._elf.sections, shndx)
        text = section if kind == "section" and not name else self._name(name)
        return Symbol(text, value + self._base(shndx), size, kind, binding, section)

    def _name(self, offset: int) -> str:
        return self._names[offset : max(self._names.find(b"\0", offset), offset)].decode(
            "utf-8", "surrogateescape"
        )

    def _indexes(self, name: str) -> list[int]:
        if not name:
            return []
        if self._by_name is None:
            self._questions += 1
            found = self._search(name) if self._questions <= _QUESTIONS_BEFORE_INDEX else None
            if found is not None:
                return found
            self._by_name = self._index_names()
        return self._by_name.get(name, [])

    def _search(self, name: str) -> list[int] | None:
        """Indexes by searching bytes; None where too many strings end like that."""
        needle = name.encode("utf-8", "surrogateescape") + b"\0"
        found: list[int] = []
        at = self._names.find(needle)
        tries = 0
        while at >= 0:
            tries += 1
            if tries > _CANDIDATES_AT_MOST:
                return None
            found.extend(self._having_name(at))
            at = self._names.find(needle, at + 1)
        return sorted(found)

    def _having_name(self, offset: int) -> Iterator[int]:
        """Indexes of the entries whose `st_name` is `offset`: it is the first field of an entry."""
        value = offset.to_bytes(4, "little" if self._elf.header.order == "<" else "big")
        size, data = self._layout.size, self._data
        at = data.find(value)
        while at >= 0:
            if at % size == 0:
                yield at // size
            at = data.find(value, at + 1)

    def _index_names(self) -> dict[str, list[int]]:
        index: dict[str, list[int]] = {}
        names, find = self._names, self._names.find
        for number, entry in enumerate(self.entries()):
            start = entry[0]
            if start:
                end = find(b"\0", start)
                name = names[start:end].decode("utf-8", "surrogateescape") if end >= 0 else ""
                index.setdefault(name, []).append(number)
        return index


def _choose(elf: ElfFile) -> Section | None:
    for kind in (SHT_SYMTAB, SHT_DYNSYM):
        for section in elf.sections:
            if section.type == kind and section.size and section.link < len(elf.sections):
                return section
    return None


def _section_name(sections: tuple[Section, ...], index: int) -> str:
    if index in _SPECIAL_SECTIONS:
        return _SPECIAL_SECTIONS[index]
    return sections[index].name if index < len(sections) else ""


def _preference(symbol: Symbol) -> tuple[bool, int]:
    order = {"global": 0, "unique": 0, "weak": 1, "local": 2}
    return (not symbol.defined, order.get(symbol.binding, 3))
