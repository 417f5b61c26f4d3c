"""The frame of an ELF core: header, program headers, notes. Total: what is damaged is left out.

Source: System V ABI, "Object Files"; PN_XNUM from the gABI. A core has few sections or none, so the image
reader of `unidbg_symbols` is not for it: that one maps link addresses, this one a million segments.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from itertools import compress
from typing import NamedTuple

from unidbg.target.dump.source import Source, bad

ELF_MAGIC = b"\x7fELF"
ET_CORE = 4
PT_LOAD, PT_NOTE = 1, 4
PT_PHYSICAL = 0x6B64_6269
"""Ours: memory that no virtual address reaches. It stands where the OS may define types of its own."""
PN_XNUM = 0xFFFF
OSABI_STANDALONE = 255
MACHINES = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
MAX_SEGMENTS = 1 << 21
MAX_SECTIONS = 4096
MAX_NOTES_BYTES = 64 << 20
MAX_NOTES = 1 << 16


class Header(NamedTuple):
    """What of the ELF header a core needs. `sections` is where the section headers are, and how many."""

    machine: str
    bits: int
    osabi: int
    segments_offset: int
    segments: int
    sections_offset: int
    sections: int


class Segments(NamedTuple):
    """The PT_LOADs in columns, for there can be a million."""

    virtual: array[int]
    physical: array[int]
    unmapped: array[int]
    """1 where only the physical address is meant: a segment of our own type."""
    offset: array[int]
    file_bytes: array[int]
    memory_bytes: array[int]

    def lengths(self, size: int) -> array[int]:
        """Bytes of each that a file of `size` bytes really has; what is only in memory is not in the dump."""
        columns = zip(self.offset, self.file_bytes, self.memory_bytes, strict=True)
        return array("Q", (_held(size - at, in_file, in_memory) for at, in_file, in_memory in columns))


def _held(left: int, in_file: int, in_memory: int) -> int:
    held = in_memory if 0 < in_memory < in_file else in_file
    return held if held <= left else max(left, 0)


class Section(NamedTuple):
    """A section by name."""

    name: bytes
    offset: int
    size: int


class Note(NamedTuple):
    """A note: owner without its NUL, type, contents."""

    owner: bytes
    type: int
    data: bytes


def read_header(source: Source) -> Header:
    """The header; DumpError when this cannot be a core."""
    raw = source.read(0, 64)
    if len(raw) < 52 or raw[:4] != ELF_MAGIC:
        raise bad(source.path, "the file ends inside of the ELF header: the dump was cut off")
    if raw[5] != 1:
        raise bad(source.path, "a big-endian core: only little-endian guests are read")
    bits = 64 if raw[4] == 2 else 32
    if bits == 64 and len(raw) < 64:
        raise bad(source.path, "the file ends inside of the ELF header: the dump was cut off")
    form = "<HHIQQQIHHHHHH" if bits == 64 else "<HHIIIIIHHHHHH"
    kind, machine, _, _, phoff, shoff, _, _, _, phnum, _, shnum, _ = struct.unpack_from(form, raw, 16)
    if kind != ET_CORE:
        raise bad(
            source.path,
            "an ELF file, but no core: give it as --image FILE, and as TARGET the dump or the guest",
        )
    if phnum == PN_XNUM and shoff:
        phnum = _section_info(source, shoff, bits) or phnum
    return Header(MACHINES.get(machine, ""), bits, raw[7], phoff, phnum, shoff, shnum)


def _section_info(source: Source, shoff: int, bits: int) -> int:
    """sh_info of section 0: the number of segments where it does not fit the header."""
    raw = source.read(shoff + (44 if bits == 64 else 28), 4)
    return int.from_bytes(raw, "little") if len(raw) == 4 else 0


def read_segments(source: Source, header: Header) -> tuple[Segments, list[tuple[int, int]]]:
    """PT_LOADs with our PT_PHYSICALs, and (offset, size) of the PT_NOTEs; as many as the file really has."""
    size = 56 if header.bits == 64 else 32
    count = min(header.segments, MAX_SEGMENTS)
    raw = source.read(header.segments_offset, count * size)
    kinds, offsets, virtual, physical, in_file, in_memory = _columns(raw[: len(raw) // size * size], size)
    loads = [kind in (PT_LOAD, PT_PHYSICAL) for kind in kinds]
    unmapped = array("b", (kind == PT_PHYSICAL for kind in kinds))
    columns = (virtual, physical, unmapped, offsets, in_file, in_memory)
    kept = (array(c.typecode, compress(c, loads)) for c in columns)
    notes = [(offsets[n], in_file[n]) for n, kind in enumerate(kinds) if kind == PT_NOTE]
    return Segments(*kept), notes


def _columns(raw: bytes, size: int) -> list[array[int]]:
    """type, offset, virtual, physical, bytes in file, bytes in memory."""
    if size == 32:
        words = array("I", raw)
        return [words[column::8] for column in range(6)]
    longs = array("Q", raw)
    return [array("I", raw)[0::14], *(longs[column::7] for column in range(1, 6))]


def read_notes(source: Source, ranges: list[tuple[int, int]]) -> Iterator[Note]:
    """The notes of all PT_NOTEs, as far as they are whole."""
    left = MAX_NOTES
    for offset, size in ranges[:64]:
        for note in parse_notes(source.read(offset, min(size, MAX_NOTES_BYTES))):
            left -= 1
            if left < 0:
                return
            yield note


def parse_notes(raw: bytes) -> Iterator[Note]:
    """Notes one behind the other, padded to 4 bytes."""
    at = 0
    while at + 12 <= len(raw):
        name_bytes, data_bytes, kind = struct.unpack_from("<III", raw, at)
        data_at = at + 12 + (name_bytes + 3 & ~3)
        end = data_at + data_bytes
        if name_bytes > 256 or end > len(raw):
            return
        yield Note(raw[at + 12 : at + 12 + name_bytes].rstrip(b"\0"), kind, raw[data_at:end])
        at = end + 3 & ~3


def read_sections(source: Source, header: Header) -> list[Section]:
    """Sections by name, for formats that have no segments (64 bits only)."""
    raw = source.read(header.sections_offset, 64 * min(header.sections, MAX_SECTIONS))
    rows = list(struct.iter_unpack("<IIQQQQIIQQ", raw[: len(raw) // 64 * 64]))
    names = _names(source, rows)
    return [Section(_name(names, row[0]), row[4], row[5]) for row in rows]


def _names(source: Source, rows: list[tuple[int, ...]]) -> bytes:
    """The string table: of those there are, the one that names a section `.shstrtab`."""
    for row in rows:
        if row[1] == 3:
            table = source.read(row[4], min(row[5], 1 << 20))
            if _name(table, row[0]) == b".shstrtab":
                return table
    return b""


def _name(table: bytes, at: int) -> bytes:
    return table[at : table.find(b"\0", at)] if at < len(table) else b""
