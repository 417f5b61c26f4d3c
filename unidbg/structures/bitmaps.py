"""Bitmaps: bit n of the little-endian bit string, whatever the width of the words."""

from __future__ import annotations

MAX_BITS = 1 << 28
"""32 MiB of bitmap: a page bitmap of 1 TiB."""


def to_bytes(words: bytes, word_bytes: int = 8, little_endian: bool = True) -> bytes:
    """An array of words as the little-endian bit string."""
    if little_endian or word_bytes == 1:
        return words
    return b"".join(words[i : i + word_bytes][::-1] for i in range(0, len(words), word_bytes))


def count(data: bytes, bits: int) -> int:
    """Bits that are set among the first `bits`."""
    number = int.from_bytes(data[: (bits + 7) // 8], "little")
    return (number & ((1 << bits) - 1)).bit_count()
