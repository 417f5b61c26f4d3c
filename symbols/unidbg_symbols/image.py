"""`Image`: the one door to what an ELF file knows. All addresses are link-time."""

from __future__ import annotations

import os

from unidbg_symbols.elf.file import ElfFile
from unidbg_symbols.elf.header import PF_W, PF_X, PT_LOAD, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE
from unidbg_symbols.elf.symbols import Symbol, SymbolTable
from unidbg_symbols.errors import NoDebugInfo, SymbolNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType
    from typing import Final

    from unidbg_symbols.elf.header import Section, Segment
    from unidbg_symbols.elf.notes import Note


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
        self._table: SymbolTable | None = None

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Image:
        """Open an image; ImageError where it is no ELF file or its headers are damaged.

        `machine` is `x86_64`, `aarch64`, `i386` ...; `elf_type` is `exec`, `dyn`, `rel` or `core`.
        """
        return cls(ElfFile(os.fspath(path)))

    def close(self) -> None:
        """Give the file back. Idempotent; also done when the image is forgotten."""
        self._elf.close()

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
        section = self._elf.section(".debug_info")
        return section is not None and section.size > 0

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
            self._table = SymbolTable(self._elf)
        return self._table

    def _no_symbol(self, name: str) -> SymbolNotFound | NoDebugInfo:
        from unidbg_symbols.nearest import did_you_mean, nearest

        if not self._symbols.present:
            return NoDebugInfo(
                f"{self.path} has no symbols; give the unstripped image (often NAME.dbg or NAME.elf)"
            )
        close = nearest(name, self._symbols.names())
        return SymbolNotFound(
            f"no symbol {name!r} in {self.path}{did_you_mean(close)}", name=name, nearest=close
        )
