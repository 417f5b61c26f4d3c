"""Supplementary files: what dwz moved out of several images into one (DWARF 5, section 7.3.6; GNU before it).

`.gnu_debugaltlink` (GNU) or `.debug_sup` names the file and says which build-id or checksum it has.
"""

from __future__ import annotations

import os

from unidbg_symbols import debug_files
from unidbg_symbols.dwarf.leb import uleb
from unidbg_symbols.elf.file import ElfFile
from unidbg_symbols.elf.notes import build_id, read_notes
from unidbg_symbols.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def has_supplement(elf: ElfFile) -> bool:
    """True where some of an image's debug information is in a supplementary file."""
    return any(elf.section(name) for name in (".gnu_debugaltlink", ".debug_sup"))


def supplement_link(elf: ElfFile) -> tuple[str, bytes] | None:
    """(file name, identity) of the supplementary file; None where the image has none."""
    section = elf.section(".gnu_debugaltlink")
    if section is not None:
        name, found, identity = elf.contents(section).partition(b"\0")
        return (os.fsdecode(name), identity) if found and name else None
    section = elf.section(".debug_sup")
    return None if section is None else _parse_sup(elf.contents(section))


def _parse_sup(data: bytes) -> tuple[str, bytes] | None:
    """Version (2 bytes), whether this is the supplementary file, file name, checksum with its length."""
    end = data.find(b"\0", 3)
    if end < 0 or data[2] != 0:
        return None
    size, at = uleb(data, end + 1)
    return os.fsdecode(data[3:end]), data[at : at + size]


def open_supplement(elf: ElfFile) -> ElfFile | None:
    """The supplementary file of an image, None where it is not there or is another one."""
    link = supplement_link(elf)
    if link is None:
        return None
    name, identity = link
    for path in _paths(elf.path, name, identity):
        if os.path.isfile(path):
            try:
                other = ElfFile(path)
                if _has_identity(other, identity):
                    return other
            except ImageError:
                continue
    return None


def _paths(image: str, name: str, identity: bytes) -> Iterator[str]:
    yield os.path.join(os.path.dirname(os.path.abspath(image)), name)
    text = identity.hex()
    for directory in debug_files.DIRECTORIES:
        yield os.path.join(directory, ".build-id", text[:2], f"{text[2:]}.debug")


def _has_identity(elf: ElfFile, identity: bytes) -> bool:
    if build_id(read_notes(elf)) == identity:
        return True
    section = elf.section(".debug_sup")
    if section is None:
        return False
    data = elf.contents(section)
    end = data.find(b"\0", 3)
    if end < 0 or data[2] != 1:
        return False
    size, at = uleb(data, end + 1)
    return data[at : at + size] == identity
