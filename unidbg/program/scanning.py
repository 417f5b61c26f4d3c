"""Where an image lies in a dump that has no registers to go by: its build-id note or its code are looked for.

Physical memory is searched as it lies in the file, then led back through the page tables if there are any.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from unidbg.errors import ImageMismatch
from unidbg.program import paging
from unidbg.program.identity import alike, text_samples, verify
from unidbg.program.module import MASK
from unidbg.target.dump.target import DumpTarget

if TYPE_CHECKING:
    from unidbg_symbols import Image

    from unidbg.target.base import Target

PAGE = 4096
MAX_HITS = 64
NEEDLE_BYTES = 64
NEEDLES = 3
NT_GNU_BUILD_ID = 3


class Hit(NamedTuple):
    """A link address that was found at a virtual address, and what it was found by."""

    bias: int
    evidence: str


def biases(image: Image, target: Target) -> Iterator[Hit]:
    """Biases at which something of the image lies in a dump, the surest first.

    Nothing for a live guest, and where the image lies as it was linked: then another is a copy. A note alone
    is not enough, a loader may have left one somewhere: the code has to be there too.
    """
    if not isinstance(target, DumpTarget) or _as_linked(image, target):
        return
    virtual, samples = _Virtual(target), text_samples(image)[:NEEDLES]
    for link, needle, what in _needles(image):
        for found in virtual.find(needle):
            bias = found - link
            if not bias % PAGE and _agrees(target, samples, bias):
                yield Hit(_signed(bias), f"{what} at {found:#x}")


def _as_linked(image: Image, target: DumpTarget) -> bool:
    try:
        return verify(image, 0, target.memory) != "unverified"
    except ImageMismatch:
        return False


def _agrees(target: DumpTarget, samples: Sequence[tuple[int, bytes]], bias: int) -> bool:
    """Whether code lies there that is much like the image's, if it has any to go by."""
    ranges = [((link + bias) & MASK, len(data)) for link, data in samples]
    pairs = zip(samples, target.memory.read_many(ranges), strict=True)
    return all(theirs is not None and alike(ours, theirs) for (_, ours), theirs in pairs)


def _signed(bias: int) -> int:
    """A bias into the upper half, as a number of 64 bits with a sign: adding it comes to the same."""
    return bias - (1 << 64) if bias >> 63 else bias


def _needles(image: Image) -> Iterator[tuple[int, bytes, str]]:
    """(link address, bytes, what they are)."""
    for note in image.notes():
        if note.owner == "GNU" and note.type == NT_GNU_BUILD_ID and note.address and note.desc:
            yield note.address - 4, b"GNU\0" + bytes(note.desc), "build-id note"
    varied = (pair for pair in text_samples(image) if len(set(pair[1][:NEEDLE_BYTES])) > 16)
    for link, data in islice(varied, NEEDLES):
        yield link, data[:NEEDLE_BYTES], "code"


class _Virtual:
    """Finds bytes by virtual address."""

    def __init__(self, target: DumpTarget) -> None:
        self._target = target
        self._mappings: tuple[paging.Mapping, ...] | None = None

    def find(self, needle: bytes) -> Iterator[int]:
        target = self._target
        if target.root is None or target.physical is None:
            yield from islice(target.memory.find(needle), MAX_HITS)
            return
        if self._mappings is None:
            walked = paging.walk(target.physical, target.root.physical, levels=target.root.levels)
            self._mappings = walked.mappings
        for physical in islice(target.physical.find(needle), MAX_HITS):
            for mapping in self._mappings:
                if mapping.physical <= physical < mapping.physical + mapping.end - mapping.start:
                    yield mapping.start + physical - mapping.physical
