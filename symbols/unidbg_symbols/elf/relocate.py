"""Relocatable files (ET_REL): sections get addresses one after the other, and relocations are applied.

Only the plain kinds of relocation are needed: those that compilers put into debug and unwind sections.
Source: the psABI supplements of each machine.
"""

from __future__ import annotations

from struct import Struct

from unidbg_symbols.damage import parsing
from unidbg_symbols.elf.header import SHF_ALLOC, SHT_REL, SHT_RELA, Section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from unidbg_symbols.elf.file import ElfFile

# machine -> {type: (bytes, how)}: the value, relative to the place, added to or taken from what is there
_SET, _RELATIVE, _ADD, _SUBTRACT = range(4)
_KINDS = {
    "x86_64": {
        1: (8, _SET), 2: (4, _RELATIVE), 4: (4, _RELATIVE), 10: (4, _SET), 11: (4, _SET), 12: (2, _SET),
        14: (1, _SET), 17: (8, _SET), 21: (4, _SET), 24: (8, _RELATIVE),
    },
    "i386": {1: (4, _SET), 2: (4, _RELATIVE), 4: (4, _RELATIVE), 20: (2, _SET), 22: (1, _SET), 32: (4, _SET)},
    "aarch64": {
        257: (8, _SET), 258: (4, _SET), 259: (2, _SET), 260: (8, _RELATIVE), 261: (4, _RELATIVE),
    },
    "arm": {2: (4, _SET), 3: (4, _RELATIVE), 38: (4, _SET)},
    "riscv64": {
        1: (4, _SET), 2: (8, _SET), 33: (1, _ADD), 34: (2, _ADD), 35: (4, _ADD), 36: (8, _ADD),
        37: (1, _SUBTRACT), 38: (2, _SUBTRACT), 39: (4, _SUBTRACT), 40: (8, _SUBTRACT),
        54: (1, _SET), 55: (2, _SET), 56: (4, _SET), 57: (4, _RELATIVE),
    },
}  # fmt: skip
_LARGEST_ALIGNMENT = 1 << 21
_DEBUG = (".debug_", ".zdebug_", ".eh_frame")


def place_sections(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """The sections with addresses: those that occupy memory one after the other, from 0x10000 on."""
    at = 0x10000
    placed: list[Section] = []
    for section in sections:
        if section.flags & SHF_ALLOC:
            alignment = min(max(section.align, 1), _LARGEST_ALIGNMENT)
            at += -at % alignment
            section = _at_address(section, at)
            at += section.size
        placed.append(section)
    return tuple(placed)


def _at_address(section: Section, address: int) -> Section:
    s = section
    return Section(
        s.index, s.name, s.type, s.flags, address, s.offset, s.size, s.link, s.info, s.align, s.entsize
    )


def relocated(elf: ElfFile, section: Section, data: bytes) -> bytes:
    """The bytes of a debug or unwind section with the relocations for it applied; others as they are."""
    if not section.name.startswith(_DEBUG):
        return data
    changed = bytearray(data)
    for table in elf.sections:
        if table.type in (SHT_RELA, SHT_REL) and table.info == section.index and table.size:
            with parsing(f"section {table.name}", elf.path):
                _apply(elf, table, section, changed)
    return bytes(changed)


def _apply(elf: ElfFile, table: Section, section: Section, data: bytearray) -> None:
    kinds = _KINDS.get(elf.header.machine, {})
    symbols = _symbol_values(elf, elf.sections[table.link])
    wide = elf.header.bits == 64
    with_addend = table.type == SHT_RELA
    layout = Struct(
        elf.header.order + ("QQ" if wide else "II") + (("q" if wide else "i") if with_addend else "")
    )
    raw = elf.contents(table)
    order: Literal["little", "big"] = "little" if elf.header.order == "<" else "big"
    shift, mask = (32, 0xFFFFFFFF) if wide else (8, 0xFF)
    for offset, info, *addend in layout.iter_unpack(raw[: len(raw) // layout.size * layout.size]):
        kind = kinds.get(info & mask)
        if kind is None:
            continue
        size, how = kind
        if offset + size > len(data):
            raise LookupError(f"a relocation at {offset:#x}")
        there = int.from_bytes(data[offset : offset + size], order)
        value = symbols[info >> shift] + (addend[0] if addend else there)
        if how == _RELATIVE:
            value -= section.addr + offset
        elif how != _SET:
            value = there + value if how == _ADD else there - value
        data[offset : offset + size] = (value & (1 << size * 8) - 1).to_bytes(size, order)


def _symbol_values(elf: ElfFile, table: Section) -> list[int]:
    """Addresses of all symbols, by index."""
    wide = elf.header.bits == 64
    layout = Struct(elf.header.order + ("IBBHQQ" if wide else "IIIBBH"))
    data = elf.contents(table)
    addresses = [section.addr for section in elf.sections]
    values = []
    for fields in layout.iter_unpack(data[: len(data) // layout.size * layout.size]):
        shndx, value = (fields[3], fields[4]) if wide else (fields[5], fields[1])
        values.append(value + (addresses[shndx] if shndx < len(addresses) else 0))
    return values
