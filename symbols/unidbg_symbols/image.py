"""`Image`: the one door to what an ELF file knows. All addresses are link-time."""

from __future__ import annotations

import os

from unidbg_symbols.elf.file import ElfFile
from unidbg_symbols.elf.header import (
    PF_W,
    PF_X,
    PT_LOAD,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHT_NOBITS,
    SHT_SYMTAB,
)
from unidbg_symbols.elf.symbols import Symbol, SymbolTable
from unidbg_symbols.errors import NoDebugInfo, SymbolNotFound, TypeNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType
    from typing import Final

    from unidbg_symbols.dwarf.call_sites import CallSite
    from unidbg_symbols.dwarf.cfi import CfiFinder
    from unidbg_symbols.dwarf.cfi_rows import CfiRow
    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.functions import CodeFrame, Function, FunctionFinder
    from unidbg_symbols.dwarf.lines import SourceLine
    from unidbg_symbols.dwarf.locals import LocalVariable
    from unidbg_symbols.dwarf.type_finder import TypeFinder
    from unidbg_symbols.dwarf.variables import Variable, VariableFinder
    from unidbg_symbols.elf.header import Section, Segment
    from unidbg_symbols.elf.notes import Note
    from unidbg_symbols.types import Type


class Image:
    """An ELF file with its symbols and debug information. Opening parses headers only."""

    def __init__(self, elf: ElfFile) -> None:
        self._elf = elf
        self.path: Final = elf.path
        self.machine: Final = elf.header.machine
        self.bits: Final = elf.header.bits
        self.little_endian: Final = elf.header.order == "<"
        self.elf_type: Final = elf.header.elf_type
        self.entry: Final = elf.header.entry
        self.segments: Final[Sequence[Segment]] = elf.segments
        self.sections: Final[Sequence[Section]] = elf.sections
        self._notes: tuple[Note, ...] | None = None
        self._debug: ElfFile | None = None
        self._table: SymbolTable | None = None
        self._dwarf_context: Dwarf | None = None
        self._type_finder: TypeFinder | None = None
        self._function_finder: FunctionFinder | None = None
        self._cfi: CfiFinder | None = None
        self._variable_finder: VariableFinder | None = None

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Image:
        """Open an image; ImageError where it is no ELF file or its headers are damaged.

        `machine` is `x86_64`, `aarch64`, `i386` ...; `elf_type` is `exec`, `dyn`, `rel` or `core`.
        """
        return cls(ElfFile(os.fspath(path)))

    def close(self) -> None:
        """Give the file back. Idempotent; also done when the image is forgotten."""
        self._elf.close()
        if self._debug is not None:
            self._debug.close()

    def __enter__(self) -> Image:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Image({self.path!r}, {self.machine}, {self.elf_type})"

    # Identity

    def notes(self) -> Sequence[Note]:
        """The ELF notes."""
        if self._notes is None:
            from unidbg_symbols.elf.notes import read_notes

            self._notes = read_notes(self._elf)
        return self._notes

    @property
    def build_id(self) -> bytes | None:
        """The GNU build-id, None where the image has none."""
        from unidbg_symbols.elf.notes import build_id

        return build_id(tuple(self.notes()))

    @property
    def text_ranges(self) -> Sequence[tuple[int, int]]:
        """(start, end) of executable sections that nobody writes: they are the same in file and memory."""
        wanted = SHF_ALLOC | SHF_EXECINSTR
        found = [
            (s.addr, s.addr + s.size)
            for s in self.sections
            if s.flags & (wanted | SHF_WRITE) == wanted and s.size
        ]
        if found or self.sections:
            return tuple(found)
        return tuple(
            (s.vaddr, s.vaddr + s.filesz)
            for s in self.segments
            if s.p_type == PT_LOAD and s.flags & (PF_X | PF_W) == PF_X and s.filesz
        )

    def section(self, name: str) -> Section | None:
        """The first section of that name."""
        return self._elf.section(name)

    def contents(self, section: Section) -> bytes:
        """The bytes of a section, decompressed."""
        return self._elf.contents(section)

    def read(self, address: int, length: int) -> bytes:
        """Link-time contents of memory; SymbolError where the file has none (zeroed memory is not in it)."""
        return self._elf.read(address, length)

    # Symbols

    @property
    def has_symbols(self) -> bool:
        """True where there is a symbol table."""
        return self._symbols.present

    @property
    def has_dwarf(self) -> bool:
        """True where there is debug information."""
        section = self._debug_elf.section(".debug_info")
        return section is not None and section.size > 0 and section.type != SHT_NOBITS

    @property
    def debug_path(self) -> str:
        """The file that the debug information is read from: the image, or what was split off it."""
        return self._debug_elf.path

    @property
    def _debug_elf(self) -> ElfFile:
        """The file with the DWARF: looked for where the image has none of its own."""
        if self._debug is None:
            section = self._elf.section(".debug_info")
            self._debug = self._elf
            if section is None or not section.size:
                from unidbg_symbols.debug_files import find_debug_file

                self._debug = find_debug_file(self._elf) or self._elf
        return self._debug

    def symbol(self, name: str) -> Symbol:
        """The symbol of that name: a defined and global one before others.

        SymbolNotFound carries near names; NoDebugInfo when the image was stripped.
        """
        found = self._symbols.named(name)
        if not found:
            raise self._no_symbol(name)
        return found[0]

    def symbols_named(self, name: str) -> Sequence[Symbol]:
        """All symbols of that name (static functions of several files share names); none is no error."""
        return self._symbols.named(name)

    def symbol_at(self, address: int) -> Symbol | None:
        """The symbol that contains an address: functions and objects before labels, global before local."""
        return self._symbols.at(address)

    def symbols(self) -> Iterable[Symbol]:
        """Every entry of the symbol table."""
        return iter(self._symbols)

    @property
    def _symbols(self) -> SymbolTable:
        if self._table is None:
            stripped = all(section.type != SHT_SYMTAB for section in self.sections)
            self._table = SymbolTable(self._debug_elf if stripped else self._elf)
            if not self._table.present:
                self._table = SymbolTable(self._elf)
        return self._table

    def _no_symbol(self, name: str) -> SymbolNotFound | NoDebugInfo:
        from unidbg_symbols.nearest import did_you_mean, nearest

        if not self._symbols.present:
            advice = self._hint() or "give the unstripped image (often NAME.dbg or NAME.elf)"
            return NoDebugInfo(f"{self.path} has no symbols; {advice}")
        close = nearest(name, self._symbols.names())
        return SymbolNotFound(
            f"no symbol {name!r} in {self.path}{did_you_mean(close)}", name=name, nearest=close
        )

    def write_index(self) -> str:
        """Write the index that makes later look-ups of types and variables fast; its path.

        It goes into the user's cache folder and is found there by build-id or contents. OSError where that
        cannot be written.
        """
        if not self.has_dwarf:
            raise self._no_dwarf()
        from unidbg_symbols.dwarf.index_build import build_index

        return build_index(self._dwarf)

    # Types

    def type(self, name: str) -> Type:
        """The type of that spelling: `struct foo`, `foo`, `unsigned int`, `foo *`, `char [16]`.

        Where units differ, the first complete one (`types_named`: all). TypeNotFound carries near names.
        """
        found = self._types.find(name)
        if found is None:
            raise self._no_type(name)
        return found

    def types_named(self, name: str) -> Sequence[Type]:
        """Every type of that spelling; those that are laid out alike only once. None is no error."""
        return tuple(self._types.find_all(name))

    def _no_type(self, name: str) -> TypeNotFound | NoDebugInfo:
        from unidbg_symbols.nearest import did_you_mean

        if not self.has_dwarf:
            return self._no_dwarf()
        if self._dwarf.missing:
            return self._no_split_file()
        close = self._types.nearest(name)
        return TypeNotFound(f"no type {name!r} in {self.path}{did_you_mean(close)}", name=name, nearest=close)

    # Variables

    def variable(self, name: str) -> Variable:
        """The global or static variable of that name, a global before a static; `space::name` for C++.

        SymbolNotFound carries near names; NoDebugInfo when the image has no DWARF.
        """
        *scopes, last = _split(name)
        found = self._variables.find(last, tuple(scopes), self.symbols_named(last))
        if found is None:
            raise self._no_variable(name)
        return found

    def variables_named(self, name: str) -> Sequence[Variable]:
        """All variables of that name, statics of every file and function included. None is no error."""
        *scopes, last = _split(name)
        return tuple(self._variables.by_name(last, tuple(scopes)))

    def _no_variable(self, name: str) -> SymbolNotFound | NoDebugInfo:
        from unidbg_symbols.nearest import did_you_mean, nearest

        if not self.has_dwarf:
            return self._no_dwarf()
        if self._dwarf.missing:
            return self._no_split_file()
        symbols = self.symbols_named(name)
        if symbols and symbols[0].kind == "func":
            return SymbolNotFound(f"{name!r} is a function of {self.path}, not a variable", name=name)
        if symbols:
            return NoDebugInfo(
                f"{name!r} is a symbol of {self.path}, but no debug information tells its type"
            )
        close = nearest(name, (symbol.name for symbol in self.symbols() if symbol.kind == "object"))
        return SymbolNotFound(
            f"no variable {name!r} in {self.path}{did_you_mean(close)}", name=name, nearest=close
        )

    # Lines

    def line_at(self, address: int) -> SourceLine | None:
        """The source line of an address, None where no unit knows one."""
        from unidbg_symbols.dwarf.lines import line_table

        unit = self._dwarf.address_map.unit_at(address)
        return None if unit is None else line_table(unit).find(address)

    def addresses_of(self, file: str, line: int) -> Sequence[int]:
        """Where the statements of a line begin, sorted; `file` is a path or the end of one (`net/tcp.c`).

        Empty where the line has no code.
        """
        from unidbg_symbols.dwarf.lines import addresses_of_line

        return addresses_of_line(self._dwarf, file, line)

    # Functions

    def function_at(self, address: int) -> Function | None:
        """The function whose code contains an address, as DWARF describes it; `symbol_at` needs no DWARF."""
        return self._functions.function_at(address)

    def frames_at(self, address: int) -> Sequence[CodeFrame]:
        """The function and line of an address, then those into which it was inlined; innermost first.

        Where DWARF knows no function (assembler), the symbol names it; empty where there is none either.
        """
        frames = self._functions.frames_at(address)
        if frames and frames[0].function:
            return frames
        symbol = self.symbol_at(address)
        if symbol is None:
            return frames
        from unidbg_symbols.dwarf.functions import CodeFrame

        place = (frames[0].file, frames[0].line, frames[0].column) if frames else ("", 0, 0)
        return (CodeFrame(symbol.readable, *place, False),)

    def locals_at(self, pc: int) -> Sequence[Sequence[LocalVariable]]:
        """Parameters and local variables of each frame at `pc`, in the order of `frames_at`.

        For a return address give the byte before it. Where each one is: `LocalVariable.locate`.
        """
        from unidbg_symbols.dwarf.locals import locals_at

        return locals_at(self._dwarf, self._types.builder, pc)

    def call_sites(self, address: int) -> Sequence[CallSite]:
        """The calls of the function that contains an address, with what they pass where the compiler told."""
        from unidbg_symbols.dwarf.call_sites import call_sites_at

        return call_sites_at(self._dwarf, address)

    @property
    def _functions(self) -> FunctionFinder:
        if self._function_finder is None:
            from unidbg_symbols.dwarf.functions import FunctionFinder

            self._function_finder = FunctionFinder(self._dwarf, self._types.builder)
        return self._function_finder

    # Unwinding

    def unwind_row(self, pc: int) -> CfiRow | None:
        """How to find the caller's registers at a code address, from .eh_frame or .debug_frame; or None.

        For a return address ask for the byte before it, unless the frame is a signal frame's.
        """
        if self._cfi is None:
            from unidbg_symbols.dwarf.cfi import CfiFinder

            self._cfi = CfiFinder(self._elf, self._debug_elf)
        return self._cfi.row_at(pc)

    @property
    def _dwarf(self) -> Dwarf:
        if self._dwarf_context is None:
            from unidbg_symbols.dwarf.context import Dwarf

            self._dwarf_context = Dwarf(self._debug_elf)
        return self._dwarf_context

    @property
    def _types(self) -> TypeFinder:
        if self._type_finder is None:
            from unidbg_symbols.dwarf.type_finder import TypeFinder

            self._type_finder = TypeFinder(self._dwarf, self.bits)
        return self._type_finder

    @property
    def _variables(self) -> VariableFinder:
        if self._variable_finder is None:
            from unidbg_symbols.dwarf.variables import VariableFinder

            self._variable_finder = VariableFinder(self._dwarf, self._types.builder)
        return self._variable_finder

    def _no_dwarf(self) -> NoDebugInfo:
        advice = self._hint() or "build it with -g and give the unstripped image"
        return NoDebugInfo(f"{self.path} has no debug information; {advice}")

    def _no_split_file(self) -> NoDebugInfo:
        names = ", ".join(self._dwarf.missing[:3])
        remedy = f"build it again, or put them or a {self.path}.dwp beside it"
        return NoDebugInfo(f"{self.path} keeps its types in files that are not there ({names}); {remedy}")

    def _hint(self) -> str:
        from unidbg_symbols.debug_files import hint

        return hint(self._elf)


def _split(name: str) -> list[str]:
    from unidbg_symbols.scoped import split_scopes

    return split_scopes(name)
