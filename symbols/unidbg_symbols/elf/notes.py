"""ELF notes: (owner, type, description) records of SHT_NOTE sections and PT_NOTE segments."""

from __future__ import annotations

from struct import Struct

from unidbg_symbols.elf.header import PT_NOTE, SHF_ALLOC, SHT_NOTE
from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from unidbg_symbols.elf.file import ElfFile

NT_GNU_BUILD_ID = 3


class Note(Record):
    """A note. `address` is the link address of `desc`, 0 where the note is not in memory."""

    __slots__ = ("owner", "type", "desc", "address")

    def __init__(self, owner: str, type: int, desc: bytes, address: int) -> None:
        self.owner: Final = owner
        self.type: Final = type
        self.desc: Final = desc
        self.address: Final = address


def read_notes(elf: ElfFile) -> tuple[Note, ...]:
    """All notes, from sections where there are any, else from segments."""
    found: list[Note] = []
    for data, address, align in _sources(elf):
        found.extend(parse_notes(data, elf.header.order, address, align))
    return tuple(found)


def _sources(elf: ElfFile) -> Iterator[tuple[bytes, int, int]]:
    """(contents, link address or 0, alignment) of each run of notes."""
    sections = [section for section in elf.sections if section.type == SHT_NOTE]
    for section in sections:
        address = section.addr if section.flags & SHF_ALLOC else 0
        yield elf.contents(section), address, section.align
    if not sections:
        for segment in elf.segments:
            if segment.p_type == PT_NOTE:
                data = elf.read_file(segment.offset, segment.filesz, "a note segment")
                yield data, segment.vaddr, segment.align


def parse_notes(data: bytes, order: str, address: int, align: int) -> Iterator[Note]:
    """The notes of one run; one that reaches past the end ends it. GNU properties are 8-aligned."""
    layout = Struct(order + "III")
    align = 8 if align == 8 else 4
    at = 0
    while at + 12 <= len(data):
        namesz, descsz, kind = layout.unpack_from(data, at)
        desc = at + 12 + namesz + -(12 + namesz) % align
        if desc + descsz > len(data):
            return
        owner = data[at + 12 : at + 12 + namesz].rstrip(b"\0").decode("utf-8", "backslashreplace")
        yield Note(owner, kind, data[desc : desc + descsz], address + desc if address else 0)
        at = desc + descsz + -descsz % align


def build_id(notes: tuple[Note, ...]) -> bytes | None:
    """The GNU build-id among notes."""
    for note in notes:
        if note.owner == "GNU" and note.type == NT_GNU_BUILD_ID and note.desc:
            return note.desc
    return None
