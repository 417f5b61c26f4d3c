"""Where the debug information of a stripped image is: by build-id, by `.gnu_debuglink`, beside the image.

Nothing is taken that is not proven to belong to the image (the same build-id, or the checksum of the link).
What only bears the right name is a hint for a message.
"""

from __future__ import annotations

import os
from struct import Struct

from unidbg_symbols.elf.file import ElfFile
from unidbg_symbols.elf.header import SHT_NOBITS, SHT_SYMTAB
from unidbg_symbols.elf.notes import build_id, read_notes
from unidbg_symbols.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

DIRECTORIES = ("/usr/lib/debug",)
"""Where distributions put separate debug information."""
_SUFFIXES = (".dbg", ".debug", ".elf", ".sym", ".unstripped")
_LARGEST = 1 << 33


def has_debug_information(elf: ElfFile) -> bool:
    """True where a file has DWARF of its own."""
    section = elf.section(".debug_info")
    return section is not None and section.size > 0 and section.type != SHT_NOBITS


def has_full_symbols(elf: ElfFile) -> bool:
    """True where a file has a whole symbol table, not just what its dynamic linker needs."""
    return any(section.type == SHT_SYMTAB and section.size for section in elf.sections)


def find_debug_file(elf: ElfFile) -> ElfFile | None:
    """The file with the debug information that was split off an image, opened; None where there is none."""
    for path, checksum in _candidates(elf):
        other = _try_open(path)
        if other is not None and _belongs(elf, other, checksum):
            return other
    return None


def hint(elf: ElfFile) -> str:
    """A sentence about a file beside a stripped image that seems to have its symbols; or nothing."""
    for path in _beside(elf.path):
        other = _try_open(path)
        if other is None or not (has_full_symbols(other) or has_debug_information(other)):
            continue
        outer, inner = elf.header.bits, other.header.bits
        if inner != outer:
            return f"it is a {outer}-bit wrapper; {path} has the {inner}-bit kernel's symbols"
        return f"{path} beside it has some: if both are of one build, give that"
    return ""


def _candidates(elf: ElfFile) -> Iterator[tuple[str, int | None]]:
    """(path, checksum that the file must have; None: it must have the image's build-id)."""
    identity = build_id(read_notes(elf))
    if identity is not None and len(identity) > 1:
        name = identity.hex()
        for directory in DIRECTORIES:
            yield os.path.join(directory, ".build-id", name[:2], f"{name[2:]}.debug"), None
    link = debug_link(elf)
    folder = os.path.dirname(os.path.abspath(elf.path))
    if link is not None:
        name, checksum = link
        yield os.path.join(folder, name), checksum
        yield os.path.join(folder, ".debug", name), checksum
        for directory in DIRECTORIES:
            yield directory + os.path.join(folder, name), checksum
    if identity is not None:
        for path in _beside(elf.path):
            yield path, None


def _beside(path: str) -> Iterator[str]:
    """Names under which builds leave the unstripped image beside the one that boots."""
    stem, extension = os.path.splitext(path)
    for suffix in _SUFFIXES:
        yield path + suffix
        if extension and suffix != extension:
            yield stem + suffix


def debug_link(elf: ElfFile) -> tuple[str, int] | None:
    """(file name, CRC-32) of `.gnu_debuglink`; a name with a directory in it is none."""
    section = elf.section(".gnu_debuglink")
    if section is None:
        return None
    data = elf.contents(section)
    end = data.find(b"\0")
    at = (end + 4) & ~3
    name = data[: max(end, 0)].decode("utf-8", "surrogateescape")
    if not name or "/" in name or at + 4 > len(data):
        return None
    return name, int(Struct(elf.header.order + "I").unpack_from(data, at)[0])


def _belongs(elf: ElfFile, other: ElfFile, checksum: int | None) -> bool:
    if other.header.machine != elf.header.machine or other.header.bits != elf.header.bits:
        return False
    if not (has_debug_information(other) or has_full_symbols(other)):
        return False
    ours, theirs = build_id(read_notes(elf)), build_id(read_notes(other))
    if ours is not None and theirs is not None:
        return ours == theirs
    return checksum is not None and checksum == _checksum(other)


def _checksum(elf: ElfFile) -> int:
    from zlib import crc32

    if elf.size > _LARGEST:
        return -1
    value, step = 0, 1 << 20
    for at in range(0, elf.size, step):
        value = crc32(elf.read_file(at, min(step, elf.size - at), "the file"), value)
    return value


def _try_open(path: str) -> ElfFile | None:
    if not os.path.isfile(path):
        return None
    try:
        return ElfFile(path)
    except ImageError:
        return None
