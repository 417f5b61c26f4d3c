"""Which code of an image refers to an address: calls of a function, loads of a variable. x86_64 alone.

The bytes are searched for the two forms that compilers emit, without disassembling: a displacement that leads
to the address from the end of its instruction, and the address itself as a 32-bit displacement.
"""

from __future__ import annotations

import re
import struct
import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from unidbg.errors import SymbolError

if TYPE_CHECKING:
    from unidbg_symbols import Image

MACHINE = "x86_64"
MAX_TEXT = 64 << 20
"""Bytes of code that are searched: more is not for one look."""
BRANCH = re.compile(rb"[\xe8\xe9]|\x0f[\x80-\x8f]")
RIP_RELATIVE = re.compile(rb"[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]")
"""ModRM bytes of a register and [rip + displacement]."""
ABSOLUTE = re.compile(rb"[\x04\x0c\x14\x1c\x24\x2c\x34\x3c]\x25")
"""ModRM and SIB of a register and [displacement]."""
SEGMENTS = {0x64: "fs_base", 0x65: "gs_base"}
DISPLACEMENT = struct.Struct("<i")


class References(NamedTuple):
    """Link addresses inside the instructions that call an address, and those that load from it."""

    calls: tuple[int, ...]
    loads: tuple[int, ...]


def references(image: Image, target: int, bases: Mapping[str, int] | None = None) -> References | None:
    """What refers to the link address `target`; `None` where the code of this machine is not understood.

    `bases` are `fs_base` and `gs_base`, as link addresses: a variable may be reached through a segment, which
    is looked for where nothing else refers to it.
    """
    if image.machine != MACHINE:
        return None
    if image not in _INDEXES:
        _INDEXES[image] = _index(image)
    calls, loads = _INDEXES[image]
    found = References(tuple(calls.get(target, ())), tuple(loads.get(target, ())))
    if bases is None or found.calls or found.loads:
        return found
    return References((), tuple(_through_segments(image, target, bases)))


Index = tuple[dict[int, list[int]], dict[int, list[int]]]
"""Link address that is referred to, to the places of the calls and of the loads."""

_INDEXES: weakref.WeakKeyDictionary[Image, Index] = weakref.WeakKeyDictionary()
"""Code does not change: one pass over it serves all questions for as long as the image is open."""


def _index(image: Image) -> Index:
    calls: dict[int, list[int]] = {}
    loads: dict[int, list[int]] = {}
    extents = [(s.vaddr, s.vaddr + s.memsz) for s in image.segments if s.memsz]
    low, high = min((e[0] for e in extents), default=0), max((e[1] for e in extents), default=0)
    for start, code in _texts(image):
        for pattern, index in ((BRANCH, calls), (RIP_RELATIVE, loads)):
            for place, target in _relative(pattern, code, start):
                if low <= target < high:
                    index.setdefault(target, []).append(place)
    return calls, loads


def _texts(image: Image) -> Iterator[tuple[int, bytes]]:
    left = MAX_TEXT
    for start, end in image.text_ranges:
        try:
            code = bytes(image.read(start, min(end - start, left)))
        except SymbolError:
            continue
        left -= len(code)
        yield start, code


def _relative(pattern: re.Pattern[bytes], code: bytes, start: int) -> Iterator[tuple[int, int]]:
    """(place of a match, where the four bytes behind it lead to from their end)."""
    unpack, last = DISPLACEMENT.unpack_from, len(code) - DISPLACEMENT.size
    for match in pattern.finditer(code):
        at = match.end()
        if at <= last:
            yield start + match.start(), start + at + 4 + unpack(code, at)[0]


def _through_segments(image: Image, target: int, bases: Mapping[str, int]) -> Iterator[int]:
    for start, code in _texts(image):
        for match in ABSOLUTE.finditer(code):
            at = match.end()
            if at + DISPLACEMENT.size > len(code):
                break
            place = DISPLACEMENT.unpack_from(code, at)[0] + _base(code, match.start(), bases)
            if place & _MASK == target & _MASK:
                yield start + match.start()


def _base(code: bytes, at: int, bases: Mapping[str, int]) -> int:
    """The base of the segment that a prefix in front of (REX and) the opcode names, 0 without one."""
    for prefix in code[max(0, at - 3) : max(0, at - 1)]:
        if prefix in SEGMENTS:
            return bases.get(SEGMENTS[prefix], 0)
    return 0


_MASK = 0xFFFF_FFFF_FFFF_FFFF
