"""LEB128 numbers (DWARF 5, section 7.6). IndexError past the end, and for a number without end."""

from __future__ import annotations

_LONGEST = 24


def uleb(data: bytes, at: int) -> tuple[int, int]:
    """(unsigned value, offset after it)."""
    byte = data[at]
    at += 1
    if byte < 0x80:
        return byte, at
    value = byte & 0x7F
    shift = 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 7 * _LONGEST:
            raise IndexError("LEB128 without end")


def sleb(data: bytes, at: int) -> tuple[int, int]:
    """(signed value, offset after it)."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
        if shift > 7 * _LONGEST:
            raise IndexError("LEB128 without end")
    if byte & 0x40:
        value -= 1 << shift
    return value, at


def encode_uleb(value: int) -> bytes:
    """The canonical (shortest) encoding: what compilers write."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
