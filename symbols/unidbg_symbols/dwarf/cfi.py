"""Call frame information: .eh_frame and .debug_frame, by address.

Source: DWARF 5, section 6.4; Linux Standard Base, chapter 10.6 for .eh_frame and its pointer encodings.
"""

from __future__ import annotations

from bisect import bisect_right
from struct import Struct

from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf.cfi_program import rows_of
from unidbg_symbols.dwarf.leb import sleb, uleb
from unidbg_symbols.elf.header import SHT_NOBITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final, Literal

    from unidbg_symbols.dwarf.cfi_rows import CfiRow
    from unidbg_symbols.elf.file import ElfFile
    from unidbg_symbols.elf.header import Section

_OMITTED = 0xFF
_MOST_KEPT = 8192


class Cie:
    """What the functions of a group share."""

    __slots__ = (
        "address_size", "base", "byteorder", "code_alignment", "data", "data_alignment", "encoding", "end",
        "has_length", "program", "relative_to", "return_register", "signal_frame",
    )  # fmt: skip

    def __init__(self, table: _Table, address_size: int) -> None:
        self.data: Final = table.data
        self.byteorder: Final[Literal["little", "big"]] = table.byteorder
        self.base: Final = table.section.addr
        self.relative_to: Final = table.relative_to
        self.address_size = address_size
        self.encoding = 0
        self.has_length = False  # 'z': an augmentation length precedes the instructions of each function
        self.signal_frame = False
        self.code_alignment = 1
        self.data_alignment = 1
        self.return_register = 0
        self.program = self.end = 0

    def read_address(self, data: bytes, at: int) -> tuple[int, int]:
        """(the address at `at` in this group's encoding, offset after it)."""
        value, after = self.read_value(data, at, self.encoding)
        application = self.encoding & 0x70
        if application == 0x10:
            value += self.base + at
        elif application in self.relative_to:
            value += self.relative_to[application]
        return value & (1 << self.address_size * 8) - 1, after

    def read_value(self, data: bytes, at: int, encoding: int) -> tuple[int, int]:
        """A number in an encoding, without what it is relative to."""
        kind = encoding & 0x0F
        if kind == 0x01:
            return uleb(data, at)
        if kind == 0x09:
            return sleb(data, at)
        size = {0: self.address_size, 2: 2, 3: 4, 4: 8, 8: self.address_size, 0xA: 2, 0xB: 4, 0xC: 8}[kind]
        if at + size > len(data):
            raise LookupError("an address past the end")
        return int.from_bytes(data[at : at + size], self.byteorder, signed=kind >= 8), at + size


class Fde:
    """The code from `start` to `end`, and where the instructions of its rows are."""

    __slots__ = ("cie", "end", "program", "program_end", "start")

    def __init__(self, cie: Cie, start: int, end: int, program: int, program_end: int) -> None:
        self.cie: Final = cie
        self.start: Final = start
        self.end: Final = end
        self.program: Final = program
        self.program_end: Final = program_end


class CfiFinder:
    """Rows by address. .eh_frame is asked first; what it does not cover may be in .debug_frame."""

    def __init__(self, elf: ElfFile, debug: ElfFile) -> None:
        self._elf = elf
        self._debug = debug  # where .debug_frame is, if it was split off
        self._tables: list[_Table] | None = None
        self._rows: dict[int, tuple[list[int], list[CfiRow]]] = {}

    def row_at(self, address: int) -> CfiRow | None:
        """The row of a code address, None where there is none."""
        for table in self._load():
            fde = table.fde_at(address)
            if fde is not None:
                return self._row(fde, address)
        return None

    def _row(self, fde: Fde, address: int) -> CfiRow | None:
        kept = self._rows.get(fde.start)
        if kept is None:
            with parsing(f"the call frame information of {fde.start:#x}", self._elf.path):
                rows = rows_of(fde)
            if len(self._rows) >= _MOST_KEPT:
                self._rows.clear()
            kept = self._rows[fde.start] = [row.start for row in rows], rows
        number = bisect_right(kept[0], address) - 1
        return kept[1][number] if number >= 0 and address < kept[1][number].end else None

    def _load(self) -> list[_Table]:
        if self._tables is None:
            self._tables = []
            for elf, name in ((self._elf, ".eh_frame"), (self._debug, ".debug_frame")):
                section = elf.section(name)
                if section is not None and section.size and section.type != SHT_NOBITS:
                    with parsing(name, elf.path):
                        self._tables.append(_Table(elf, section, name == ".eh_frame"))
        return self._tables


class _Table:
    """One section: its functions sorted by address. Each is parsed when it is asked for."""

    def __init__(self, elf: ElfFile, section: Section, is_eh_frame: bool) -> None:
        self.section: Final = section
        self.data: Final = elf.contents(section)
        self.byteorder: Final[Literal["little", "big"]] = "little" if elf.header.order == "<" else "big"
        self.relative_to: Final = _bases(elf)
        self._order = elf.header.order
        self._address_size = elf.header.bits // 8
        self._is_eh_frame = is_eh_frame
        self._cies: dict[int, Cie] = {}
        found = sorted(self._scan(), key=lambda each: each[0])
        self._starts = [start for start, _, _, _ in found]
        self._found = found

    def fde_at(self, address: int) -> Fde | None:
        """The function around an address."""
        number = bisect_right(self._starts, address) - 1
        if number < 0 or address >= self._found[number][1]:
            return None
        start, end, program, (cie, program_end) = self._found[number]
        if cie.has_length:
            size, program = uleb(self.data, program)
            program += size
        return Fde(cie, start, end, program, program_end)

    def _scan(self) -> Iterator[tuple[int, int, int, tuple[Cie, int]]]:
        """(start, end, offset after the range, (CIE, end of the entry)) of each function."""
        for at, wide, body, end in self._entries():
            cie_at = self._cie_of(body, wide)
            if cie_at is None:
                continue
            if not 0 <= cie_at < len(self.data):
                raise LookupError(f"the entry at {at:#x} refers to no CIE")
            cie = self._cie(cie_at)
            start, after = cie.read_address(self.data, body + (8 if wide else 4))
            length, after = cie.read_value(self.data, after, cie.encoding & 0x07)
            if length > 0 and start and at < end:
                yield start, start + length, after, (cie, end)

    def _entries(self) -> Iterator[tuple[int, bool, int, int]]:
        """(offset, 64-bit format, offset of the id, end) of each entry."""
        u32, u64 = Struct(self._order + "I").unpack_from, Struct(self._order + "Q").unpack_from
        data, at = self.data, 0
        while at + 4 <= len(data):
            length, wide, body = u32(data, at)[0], False, at + 4
            if length == 0xFFFFFFFF:
                length, wide, body = u64(data, body)[0], True, at + 12
            end = body + length
            if length == 0:
                # A terminator. Linkers can leave one in the middle, where several sections were joined.
                at = body
                continue
            if end > len(data):
                raise LookupError(f"the entry at {at:#x}")
            yield at, wide, body, end
            at = end

    def _cie_of(self, body: int, wide: bool) -> int | None:
        """The offset of the CIE that the entry refers to; None if it is one itself."""
        size = 8 if wide else 4
        value = int.from_bytes(self.data[body : body + size], self.byteorder)
        if self._is_eh_frame:
            return body - value if value else None
        return None if value == (1 << size * 8) - 1 else value

    def _cie(self, at: int) -> Cie:
        found = self._cies.get(at)
        if found is None:
            found = self._cies[at] = self._parse_cie(at)
        return found

    def _parse_cie(self, at: int) -> Cie:
        data = self.data
        wide = data[at : at + 4] == b"\xff\xff\xff\xff"
        body = at + (12 if wide else 4)
        size = 8 if wide else 4
        end = body + int.from_bytes(data[body - size : body], self.byteorder)
        cie = Cie(self, self._address_size)
        at = body + size
        version, at = data[at], at + 1
        stop = data.index(0, at, end)
        augmentation, at = data[at:stop], stop + 1
        if augmentation.startswith(b"eh"):
            at += self._address_size
        if version >= 4:
            cie.address_size, at = data[at], at + 2
        cie.code_alignment, at = uleb(data, at)
        cie.data_alignment, at = sleb(data, at)
        cie.return_register, at = (data[at], at + 1) if version == 1 else uleb(data, at)
        if augmentation.startswith(b"z"):
            cie.has_length = True
            length, at = uleb(data, at)
            _augment(cie, augmentation[1:], at)
            at += length
        cie.signal_frame = b"S" in augmentation
        cie.program, cie.end = at, end
        return cie


def _augment(cie: Cie, letters: bytes, at: int) -> None:
    """The data of a 'z' augmentation: R tells the encoding of addresses; P and L are for exceptions."""
    for letter in letters:
        if letter == ord("R"):
            cie.encoding, at = cie.data[at], at + 1
        elif letter == ord("L"):
            at += 1
        elif letter == ord("P"):
            encoding, at = cie.data[at], at + 1
            if encoding != _OMITTED:
                at = cie.read_value(cie.data, at, encoding)[1]
        elif letter not in b"SBG":
            return


def _bases(elf: ElfFile) -> dict[int, int]:
    """What text-relative and data-relative addresses are relative to."""
    text, got = elf.section(".text"), elf.section(".got")
    return {0x20: text.addr if text else 0, 0x30: got.addr if got else 0}
