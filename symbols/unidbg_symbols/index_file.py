"""The index cache: names of types and variables to DIE offsets, in a flat file that is mapped, not parsed.

Never needed; with it, a look-up reads one unit instead of all of .debug_info. One file per image in the
user's cache folder, named by build-id or contents, written beside and renamed, so that many processes may use
it at once. What is found is held against the image: an index that lies is removed and forgotten.

Layout, in the byte order of the machine: header (`_HEADER`), then arrays of 8-byte numbers (unit offsets of
.debug_info, of .debug_types, starts of abbreviation tables), then names sorted by CRC-32: all DIE offsets (8
bytes each), all hashes (4), all descriptions (4: tag in bits 0-15, flags above).
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left
from struct import Struct
from zlib import crc32

from unidbg_symbols.cache_folder import cache_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from unidbg_symbols.elf.file import ElfFile

MAGIC = b"unidbgIX"
VERSION = 1
COMPLETE = 1
IN_TYPES, DECLARATION = 1 << 16, 1 << 17
"""Flags: the DIE is in .debug_types; it only declares."""
_HEADER = Struct("=8sIIQQQQ32s")  # magic, version, flags, three counts of 8-byte arrays, count of names, key
_MOST_CACHED_BYTES = 1 << 30


class NameIndex:
    """An opened index."""

    def __init__(self, path: str, data: mmap.mmap, complete: bool, counts: tuple[int, int, int, int]) -> None:
        self.path: Final = path
        self.complete: Final = complete  # nothing of the image is in other files (split units)
        units, type_units, tables, names = counts
        self._data: Final = data
        view = memoryview(data)
        at = _HEADER.size
        wide: list[memoryview] = []
        for count in (units, type_units, tables, names):
            wide.append(view[at : at + count * 8].cast("Q"))
            at += count * 8
        self.unit_offsets: Final = {".debug_info": wide[0], ".debug_types": wide[1]}
        self.abbrev_starts: Final = wide[2]
        self._offsets = wide[3]
        self._hashes = view[at : at + names * 4].cast("I")
        self._descriptions = view[at + names * 4 : at + names * 8].cast("I")

    def find(self, name: bytes) -> Iterator[tuple[int, int]]:
        """(DIE offset, description) of the entries that may have this name: others can share its hash."""
        wanted = crc32(name)
        hashes = self._hashes
        at = bisect_left(hashes, wanted)
        while at < len(hashes) and hashes[at] == wanted:
            yield self._offsets[at], self._descriptions[at]
            at += 1

    def forget(self) -> None:
        """Remove the file: it does not belong to the image, or was damaged."""
        try:
            os.unlink(self.path)
        except OSError:
            return


def open_index(elf: ElfFile) -> NameIndex | None:
    """The index of an image, None where there is none that fits."""
    where = cache_folder()
    try:
        present = os.listdir(where)
    except OSError:
        return None
    prefix = _prefix(elf)
    if not any(name.startswith(prefix) for name in present):
        return None
    name = index_name(elf)
    path = os.path.join(where, name)
    return _open(path, name.encode()[:32]) if name in present else None


def _open(path: str, key: bytes) -> NameIndex | None:
    try:
        with open(path, "rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None
    if len(data) < _HEADER.size:
        return None
    magic, version, flags, units, type_units, tables, names, found = _HEADER.unpack_from(data)
    size = _HEADER.size + 8 * (units + type_units + tables) + 16 * names
    if (magic, version, found, size) != (MAGIC, VERSION, key.ljust(32, b"\0"), len(data)):
        return None
    return NameIndex(path, data, bool(flags & COMPLETE), (units, type_units, tables, names))


def count_names(path: str) -> int:
    """How many names an index holds that was just written."""
    with open(path, "rb") as stream:
        return int(_HEADER.unpack(stream.read(_HEADER.size))[6])


def _prefix(elf: ElfFile) -> str:
    """The cheap part of the name: without reading what may be large."""
    info = elf.section(".debug_info")
    return f"{info.size if info else 0:x}-"


def index_name(elf: ElfFile) -> str:
    """The file name of an image's index: by its build-id, else by its contents."""
    from unidbg_symbols.elf.notes import build_id, read_notes

    identity = build_id(read_notes(elf))
    if identity is not None and len(identity) >= 8:
        return f"{_prefix(elf)}b{identity.hex()[:22]}.idx"
    from zlib import adler32

    checksum, second = 0, 1
    for name in (".debug_info", ".debug_abbrev", ".debug_types", ".debug_str"):
        section = elf.section(name)
        data = elf.contents(section) if section else b""
        checksum, second = crc32(data, checksum), adler32(data, second)
    return f"{_prefix(elf)}c{checksum:08x}{second:08x}.idx"


def write_index(
    elf: ElfFile,
    unit_offsets: tuple[list[int], list[int]],
    tables: list[int],
    names: list[tuple[int, int, int]],
    complete: bool,
) -> str:
    """Write an index of (hash, offset, description) entries; its path. OSError where that cannot be."""
    where = cache_folder()
    os.makedirs(where, mode=0o700, exist_ok=True)
    name = index_name(elf)
    names.sort()
    numbers = (*unit_offsets[0], *unit_offsets[1], *tables, *(offset for _, offset, _ in names))
    counts = (len(unit_offsets[0]), len(unit_offsets[1]), len(tables), len(names))
    path = os.path.join(where, name)
    unfinished = f"{path}.{os.getpid()}.tmp"
    with open(unfinished, "wb") as stream:
        stream.write(_HEADER.pack(MAGIC, VERSION, COMPLETE if complete else 0, *counts, name.encode()[:32]))
        stream.write(Struct(f"={len(numbers)}Q").pack(*numbers))
        stream.write(Struct(f"={len(names)}I").pack(*(each for each, _, _ in names)))
        stream.write(Struct(f"={len(names)}I").pack(*(each for _, _, each in names)))
    os.replace(unfinished, path)
    _make_room(where, name)
    return path


def _make_room(where: str, keep: str) -> None:
    """Remove the indexes that were not written for longest until the folder is small enough."""
    found = []
    for entry in os.scandir(where):
        if entry.is_file() and entry.name != keep:
            status = entry.stat()
            found.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= _MOST_CACHED_BYTES:
            return
        os.unlink(path)
        total -= size
