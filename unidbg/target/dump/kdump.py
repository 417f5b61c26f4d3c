"""kdump-compressed dumps, of makedumpfile and of QEMU: pages packed one by one, found through a bitmap.

Source: makedumpfile, diskdump_mod.h and IMPLEMENTATION: a header block, a sub header, two bitmaps of page
frames (which exist, which were dumped), then a descriptor of 24 bytes for each dumped page in order.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from unidbg.errors import MemoryFault
from unidbg.target.base import MemoryRegion
from unidbg.target.dump import elf
from unidbg.target.dump.elfcore import by_qemu, read_cpus
from unidbg.target.dump.packing import UNPACKERS, unpack
from unidbg.target.dump.source import Source, bad
from unidbg.target.dump.space import MAX_REGIONS, PieceSpace
from unidbg.target.dump.target import Contents, numbered

SIGNATURE = b"KDUMP   "
DESCRIPTOR = struct.Struct("<qIIQ")
MAX_KEPT = 1024
"""Unpacked pages that are kept: 4 MiB."""
CHUNK = 64
"""Bytes of the bitmap that one entry of the rank table stands for."""
MACHINES = {b"x86_64": "x86_64", b"aarch64": "aarch64", b"i686": "i386", b"i386": "i386"}


class Frame(NamedTuple):
    """What the headers say: offsets in bytes, `frames` is the number of page frames."""

    version: int
    machine: str
    block_bytes: int
    bitmap_offset: int
    bitmap_bytes: int
    frames: int
    notes: tuple[int, int]


def read_kdump(source: Source) -> Contents:
    """The pages and the vCPUs; DumpError where the headers make no sense."""
    frame = read_frame(source)
    notes = list(elf.read_notes(source, [frame.notes])) if frame.notes[1] else []
    found = read_cpus(frame.machine, notes)
    pages = Pages(source, frame)
    reason = "" if found or not by_qemu(notes) else "the dump has no NT_PRSTATUS note of a kind that is known"
    return Contents(
        format="kdump",
        machine=frame.machine,
        cpus=numbered([values for values, _ in found]),
        physical=pages,
        no_registers=reason or "the dump has no notes of vCPUs",
        notes=pages.complaints(),
    )


def read_frame(source: Source) -> Frame:
    """The header and the sub header."""
    raw = source.read(0, 512)
    if len(raw) < 512:
        raise bad(source.path, "the file ends inside of the kdump header: the dump was cut off")
    machine = MACHINES.get(raw[12 + 4 * 65 : 12 + 5 * 65].rstrip(b"\0"), "")
    (version,) = struct.unpack_from("<i", raw, 8)
    wide = machine != "i386"
    at = 424 if wide else 412
    _, block, sub_blocks, bitmap_blocks, max_frame = struct.unpack_from("<IiIII", raw, at)
    if not 512 <= block <= 1 << 20 or block & (block - 1):
        raise bad(source.path, f"the kdump header is damaged: a page of {block} bytes")
    sub = source.read(block, 104).ljust(104, b"\0")
    notes = (
        struct.unpack_from("<QQ" if wide else "<8xQI", sub, 48 if wide else 32) if version >= 4 else (0, 0)
    )
    if wide and version >= 6:
        max_frame = struct.unpack_from("<Q", sub, 96)[0] or max_frame
    offset, size = block * (1 + sub_blocks), block * bitmap_blocks
    if offset + size > source.size:
        raise bad(source.path, f"the file ends before its bitmap of {size} bytes does: it was cut off")
    return Frame(version, machine, block, offset, size, max_frame, (notes[0], notes[1]))


class Pages(PieceSpace):
    """Physical memory: pages unpacked when they are read."""

    def __init__(self, source: Source, frame: Frame) -> None:
        self._source = source
        self._frame = frame
        half = frame.bitmap_bytes // 2
        self._bitmap = source.read(frame.bitmap_offset + half, half)
        self._descriptors = frame.bitmap_offset + frame.bitmap_bytes
        self._ranks = _ranks(self._bitmap)
        self._kept: dict[int, bytes] = {}
        self._shift = frame.block_bytes.bit_length() - 1

    def piece(self, address: int, length: int) -> bytes:
        number = address >> self._shift
        page = self._kept.get(number)
        if page is None:
            page = self._unpack(number)
        inside = address & (self._frame.block_bytes - 1)
        return page[inside : inside + length]

    def _unpack(self, number: int) -> bytes:
        """The page, kept for the next time; empty where the dump does not have it."""
        descriptor = self._descriptor(number)
        if descriptor is None:
            return b""
        offset, size, flags = descriptor
        raw = self._source.read(offset, min(size, 2 * self._frame.block_bytes))
        try:
            page = unpack(raw, flags, self._frame.block_bytes)
        except ValueError as error:
            address = number << self._shift
            raise MemoryFault(address, self._frame.block_bytes, f"its page is damaged: {error}") from None
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[number] = page
        return page

    def _descriptor(self, number: int) -> tuple[int, int, int] | None:
        """(offset, bytes, flags) of a page frame that was dumped."""
        byte = number >> 3
        if byte >= len(self._bitmap) or not self._bitmap[byte] >> (number & 7) & 1:
            return None
        chunk = byte // CHUNK
        before = int.from_bytes(self._bitmap[chunk * CHUNK : byte + 1], "little")
        before &= (1 << (number - chunk * CHUNK * 8)) - 1
        index = self._ranks[chunk] + before.bit_count()
        raw = self._source.read(self._descriptors + index * DESCRIPTOR.size, DESCRIPTOR.size)
        if len(raw) < DESCRIPTOR.size:
            return None
        offset, size, flags, _ = DESCRIPTOR.unpack(raw)
        return (offset, size, flags) if offset >= 0 else None

    def regions(self) -> Sequence[MemoryRegion]:
        """Runs of pages that were dumped."""
        found: list[MemoryRegion] = []
        start: int | None = None
        for at, byte in enumerate(self._bitmap):
            if byte == (0xFF if start is not None else 0):
                continue
            for bit in range(8):
                page = (8 * at + bit) << self._shift
                if byte >> bit & 1 and start is None:
                    start = page
                elif not byte >> bit & 1 and start is not None:
                    found.append(MemoryRegion(start, page))
                    start = None
            if len(found) >= MAX_REGIONS:
                return found
        end = len(self._bitmap) << (3 + self._shift)
        return [*found, MemoryRegion(start, end)] if start is not None else found

    def complaints(self) -> Sequence[str]:
        """What the file lacks."""
        dumped = self._ranks[-1] if self._ranks else 0
        if self._descriptors + dumped * DESCRIPTOR.size > self._source.size:
            return (f"the file ends before its {dumped} page descriptors do: it was cut off",)
        return ()


def _ranks(bitmap: bytes) -> list[int]:
    """How many bits are set before each chunk of the bitmap, and in all."""
    ranks = [0]
    for at in range(0, len(bitmap), CHUNK):
        ranks.append(ranks[-1] + int.from_bytes(bitmap[at : at + CHUNK], "little").bit_count())
    return ranks


assert set(UNPACKERS) == {1, 2, 4, 0x20}
