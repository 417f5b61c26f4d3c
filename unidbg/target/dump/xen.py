"""`xl dump-core`: an ELF file with sections and no program headers.

Source: Xen, docs/misc/dump-core-format.txt. Pages lie one behind the other in `.xen_pages`; `.xen_p2m` has a
pair (pfn, machine frame) for each of them where the guest is paravirtual, `.xen_pfn` a pfn otherwise. The
page tables of a paravirtual guest hold machine frames, so its physical memory is the machine's here.
"""

from __future__ import annotations

import struct
from array import array

from unidbg.target.dump import elf, registers
from unidbg.target.dump.extents import Extents
from unidbg.target.dump.source import Source, bad
from unidbg.target.dump.space import FileSpace
from unidbg.target.dump.target import Contents, numbered

NT_HEADER = 0x2000001
MAX_VCPUS = 512
ABSENT = 1 << 52
"""Frame numbers from here on are no frames: Xen writes ~0 for a page that was not there."""


def is_xen(source: Source) -> bool:
    """Whether an ELF file has the sections of a Xen core."""
    raw = source.read(0, 64)
    if len(raw) < 64 or raw[4:6] != b"\x02\x01" or struct.unpack_from("<H", raw, 56)[0]:
        return False
    return any(one.name == b".xen_pages" for one in elf.read_sections(source, elf.read_header(source)))


def read_xen(source: Source) -> Contents:
    """Pages and vCPUs; DumpError where the pages have no addresses."""
    header = elf.read_header(source)
    sections = {one.name: one for one in reversed(elf.read_sections(source, header))}
    page_bytes = _page_bytes(source, sections)
    pages = sections[b".xen_pages"]
    pairs = sections.get(b".xen_p2m")
    table = pairs or sections.get(b".xen_pfn")
    if table is None:
        raise bad(source.path, "a Xen core without .xen_p2m and .xen_pfn: its pages have no addresses")
    raw = source.read(table.offset, min(table.size, source.size))
    frames = array("Q", raw[: len(raw) // 16 * 16] if pairs else raw[: len(raw) // 8 * 8])
    frames = frames[1::2] if pairs else frames
    held = max(0, min(pages.size, source.size - pages.offset)) // page_bytes
    complaint = f"the file ends before {len(frames) - held} of its {len(frames)} pages do: it was cut off"
    return Contents(
        format="xen",
        machine=header.machine,
        cpus=numbered(_vcpus(source, sections)),
        physical=FileSpace(source, _extents(frames[:held], pages.offset, page_bytes)),
        no_registers="the core has no section .xen_prstatus for this architecture",
        notes=(complaint,) if held < len(frames) else (),
    )


def _page_bytes(source: Source, sections: dict[bytes, elf.Section]) -> int:
    """The page size that the note tells, else 4096."""
    section = sections.get(b".note.Xen")
    raw = source.read(section.offset, min(section.size, 1 << 16)) if section else b""
    for note in elf.parse_notes(raw):
        if note.type == NT_HEADER and len(note.data) >= 32:
            (size,) = struct.unpack_from("<Q", note.data, 24)
            if 512 <= size <= 1 << 20 and not size & (size - 1):
                return int(size)
    return 4096


def _extents(frames: array[int], offset: int, page_bytes: int) -> Extents:
    """Runs of frames that follow each other are one extent."""
    columns = array("Q"), array("Q"), array("Q")
    starts, lengths, offsets = columns
    following = -1
    for number, frame in enumerate(frames):
        if frame >= ABSENT:
            following = -1
            continue
        if frame == following:
            lengths[-1] += page_bytes
        else:
            starts.append(frame * page_bytes)
            lengths.append(page_bytes)
            offsets.append(offset + number * page_bytes)
        following = frame + 1
    return Extents.of_columns(*columns)


def _vcpus(source: Source, sections: dict[bytes, elf.Section]) -> list[registers.Values]:
    section = sections.get(b".xen_prstatus")
    size = registers.XEN_CONTEXT_BYTES
    if section is None:
        return []
    count = min(section.size // size, MAX_VCPUS)
    raw = source.read(section.offset, count * size)
    return [registers.xen_context(raw[at : at + size]) for at in range(0, len(raw) - size + 1, size)]
