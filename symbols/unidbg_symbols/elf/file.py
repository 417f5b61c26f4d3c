"""An ELF file: its headers, and the bytes of its sections and segments on request.

The file is read with `pread`, not mapped: an image that the linker rewrites while it is open then ends in an
error, not in SIGBUS.
"""

from __future__ import annotations

import os

from unidbg_symbols.damage import damaged
from unidbg_symbols.elf.header import (
    PT_LOAD,
    SHF_ALLOC,
    SHF_COMPRESSED,
    SHT_NOBITS,
    Header,
    Section,
    Segment,
    parse_header,
    parse_section,
    parse_segment,
    real_counts,
    section_layout,
    segment_layout,
)
from unidbg_symbols.errors import ImageError, SymbolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final


class ElfFile:
    """Headers of an ELF file, parsed on opening; contents are read when asked for."""

    def __init__(self, path: str) -> None:
        self.path: Final = path
        self._fd = -1
        self._fd = _open(path)
        self.size: Final = os.fstat(self._fd).st_size
        self.header: Final = parse_header(os.pread(self._fd, 64, 0), path)
        phnum, shnum, strndx = real_counts(self.header, self._first_section())
        self.segments: Final = self._parse_segments(phnum)
        self.sections: Final = self._placed(self._parse_sections(shnum, strndx))
        self._by_name = {section.name: section for section in reversed(self.sections)}

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # `os` may be gone when the interpreter ends.
        if self._fd >= 0:
            close(self._fd)

    def close(self) -> None:
        """Give the file back; what was read stays. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read_file(self, offset: int, size: int, what: str) -> bytes:
        """Bytes of the file; an error names `what` is cut off."""
        if self._fd < 0:
            raise ImageError(f"{self.path}: the image was closed", path=self.path)
        if size and (offset < 0 or size < 0 or offset + size > self.size):
            raise damaged(what, "it reaches past the end of the file", path=self.path)
        data = os.pread(self._fd, size, offset) if size else b""
        while len(data) < size:
            more = os.pread(self._fd, size - len(data), offset + len(data))
            if not more:
                raise damaged(what, "the file became shorter while open", path=self.path)
            data += more
        return data

    def section(self, name: str) -> Section | None:
        """The first section of that name; `.debug_x` also finds its old compressed form `.zdebug_x`."""
        found = self._by_name.get(name)
        if found is None and name.startswith(".debug_"):
            found = self._by_name.get(".z" + name[1:])
        return found

    def contents(self, section: Section) -> bytes:
        """All bytes of a section, decompressed; none for one that occupies no space in the file."""
        if section.type == SHT_NOBITS:
            return b""
        data = self.read_file(section.offset, section.size, f"section {section.name}")
        if section.flags & SHF_COMPRESSED or section.name.startswith(".zdebug_"):
            from unidbg_symbols.elf.compression import decompress

            data = decompress(data, section, self.header, self.path)
        if self.header.elf_type == "rel":
            from unidbg_symbols.elf.relocate import relocated

            return relocated(self, section, data)
        return data

    def read(self, address: int, length: int) -> bytes:
        """Link-time contents at an address, from the part of a segment that the file backs."""
        for start, size, offset in self._backed():
            if start <= address and address + length <= start + size:
                return self.read_file(offset + address - start, length, "a segment")
        raise SymbolError(
            f"{self.path}: {length} bytes at {address:#x} are not in the file; read them from the guest"
        )

    def _backed(self) -> list[tuple[int, int, int]]:
        """(address, size, file offset) of what the file holds of memory."""
        if self.segments:
            return [(s.vaddr, min(s.filesz, s.memsz), s.offset) for s in self.segments if s.p_type == PT_LOAD]
        loaded = [s for s in self.sections if s.flags & SHF_ALLOC and s.type != SHT_NOBITS]
        return [(s.addr, s.size, s.offset) for s in loaded]

    def _placed(self, sections: tuple[Section, ...]) -> tuple[Section, ...]:
        if self.header.elf_type != "rel":
            return sections
        from unidbg_symbols.elf.relocate import place_sections

        return place_sections(sections)

    def _first_section(self) -> tuple[int, ...] | None:
        layout = section_layout(self.header)
        if not self.header.shoff or self.header.shoff + layout.size > self.size:
            return None
        return layout.unpack(self.read_file(self.header.shoff, layout.size, "the section header table"))

    def _parse_segments(self, count: int) -> tuple[Segment, ...]:
        header, layout = self.header, segment_layout(self.header)
        if not header.phoff or not count:
            return ()
        entries = _entries(
            self, header.phoff, count, header.phentsize, layout.size, "the program header table"
        )
        return tuple(parse_segment(header, layout.unpack(entry)) for entry in entries)

    def _parse_sections(self, count: int, strndx: int) -> tuple[Section, ...]:
        header, layout = self.header, section_layout(self.header)
        if not header.shoff or not count:
            return ()
        entries = _entries(
            self, header.shoff, count, header.shentsize, layout.size, "the section header table"
        )
        fields = [layout.unpack(entry) for entry in entries]
        names = b""
        if strndx < count and fields[strndx][1] != SHT_NOBITS:
            names = self.read_file(fields[strndx][4], fields[strndx][5], "the section name table")
        return tuple(parse_section(index, names, each) for index, each in enumerate(fields))


def _entries(file: ElfFile, offset: int, count: int, step: int, size: int, what: str) -> list[bytes]:
    if step < size:
        raise damaged(what, f"entries of {step} bytes", path=file.path)
    table = file.read_file(offset, count * step, what)
    return [table[at : at + size] for at in range(0, count * step, step)]


def _open(path: str) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        if os.fstat(fd).st_mode & 0o170000 == 0o100000:
            return fd
        os.close(fd)
    except OSError as error:
        raise ImageError(f"{path}: cannot be opened: {error.strerror}", path=path) from error
    raise ImageError(f"{path}: not a regular file; give the unstripped image of the guest", path=path)


__all__ = ["ElfFile", "Header", "Section", "Segment"]
