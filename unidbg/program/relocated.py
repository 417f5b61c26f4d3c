"""The words of an image that hold addresses, as they are once the guest has moved itself.

A position-independent executable lists them (`R_..._RELATIVE`); in the file they hold nothing of use. Source:
System V ABI, AMD64 and AArch64 supplements, "Relocation types".
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from typing import TYPE_CHECKING

from unidbg.errors import SymbolError

if TYPE_CHECKING:
    from unidbg_symbols import Image

    from unidbg.program.module import Module

RELATIVE = {"x86_64": 8, "aarch64": 1027}
"""The type of relocation that adds the bias, by machine."""
ENTRY = struct.Struct("<QQq")
SECTION = ".rela.dyn"
MAX_BYTES = 16 << 20
WORD = 8


class Relocations:
    """Those of one image that runs somewhere."""

    def __init__(self, module: Module) -> None:
        self._bias = module.bias
        self._words = relative(module.image)
        self._places = sorted(self._words)

    def apply(self, link: int, data: bytes) -> bytes:
        """`data`, which the file has at a link address, with the addresses in it."""
        first = bisect_left(self._places, link - WORD + 1)
        last = bisect_left(self._places, link + len(data))
        if first == last:
            return data
        out = bytearray(data)
        for place in self._places[first:last]:
            word = ((self._words[place] + self._bias) & MASK).to_bytes(WORD, "little")
            low, high = max(place, link), min(place + WORD, link + len(data))
            out[low - link : high - link] = word[low - place : high - place]
        return bytes(out)


MASK = 0xFFFF_FFFF_FFFF_FFFF


def relative(image: Image) -> dict[int, int]:
    """Link address of a word to the link address that it is to hold; empty where nothing is listed."""
    wanted, section = RELATIVE.get(image.machine), image.section(SECTION)
    if wanted is None or section is None or section.size > MAX_BYTES:
        return {}
    try:
        data = bytes(image.contents(section))
    except SymbolError:
        return {}
    whole = data[: len(data) - len(data) % ENTRY.size]
    return {
        offset: addend for offset, info, addend in ENTRY.iter_unpack(whole) if info & 0xFFFF_FFFF == wanted
    }
