"""How a page of a kdump file is packed. zlib is Python's; LZO and Snappy are unpacked here.

Sources: RFC 1950; Linux, Documentation/staging/lzo.rst (the stream format of LZO1X); Google,
snappy/format_description.txt; zstd (RFC 8878) by the package of the extra `[dump]`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from unidbg.target.dump.packed import unpack_frame


def unpack(raw: bytes, flags: int, size: int) -> bytes:
    """A page of `size` bytes; ValueError where it is damaged."""
    unpacker = UNPACKERS.get(flags & 0x27)
    if unpacker is None:
        if flags & 0x27:
            raise ValueError(f"packed in an unknown way ({flags:#x})")
        page = raw[:size]
    else:
        try:
            page = unpacker(raw, size)
        except IndexError:
            raise ValueError("it ends too early") from None
    if len(page) != size:
        raise ValueError(f"{len(page)} bytes instead of {size}")
    return page


def _zlib(raw: bytes, size: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(raw, size)
    except zlib.error as error:
        raise ValueError(str(error)) from None


def snappy(raw: bytes, size: int) -> bytes:
    """A raw Snappy block: a length, then literals and copies."""
    at = 0
    while raw[at] & 0x80:
        at += 1
    at += 1
    out = bytearray()
    while at < len(raw) and len(out) <= size:
        tag = raw[at]
        at += 1
        kind, high = tag & 3, tag >> 2
        if kind == 0:
            width = max(0, high - 59)
            length = (int.from_bytes(raw[at : at + width], "little") if width else high) + 1
            out += raw[at + width : at + width + length]
            at += width + length
        elif kind == 1:
            _copy(out, tag >> 5 << 8 | raw[at], (high & 7) + 4)
            at += 1
        else:
            width = 2 if kind == 2 else 4
            _copy(out, int.from_bytes(raw[at : at + width], "little"), high + 1)
            at += width
    return bytes(out)


def _copy(out: bytearray, distance: int, length: int) -> None:
    """Append `length` bytes from `distance` back; they may overlap what is appended."""
    if not 0 < distance <= len(out):
        raise ValueError("a copy from before the beginning")
    start = len(out) - distance
    if distance >= length:
        out += out[start : start + length]
    else:
        piece = bytes(out[start:])
        out += (piece * (length // distance + 1))[:length]


def lzo(raw: bytes, size: int) -> bytes:
    """A block of LZO1X."""
    out = bytearray()
    at, state = 0, 0
    if raw[0] > 17:
        length = raw[0] - 17
        out += raw[1 : 1 + length]
        at, state = 1 + length, length if length < 4 else 4
    while len(out) <= size:
        op = raw[at]
        at += 1
        if op < 16 and state == 0:
            length, at = _long(raw, at, op, 15)
            length += 3
            out += raw[at : at + length]
            at, state = at + length, 4
            continue
        distance, length, trailing, at = _match(raw, at, op, state)
        if distance == 0:
            return bytes(out)
        _copy(out, distance, length)
        out += raw[at : at + trailing]
        at, state = at + trailing, trailing
    return bytes(out)


def _long(raw: bytes, at: int, short: int, base: int) -> tuple[int, int]:
    """A length that does not fit its bits: 0 stands for `base`, 255 a zero byte, and the last byte."""
    if short:
        return short, at
    length = base
    while raw[at] == 0:
        length += 255
        at += 1
    return length + raw[at], at + 1


def _match(raw: bytes, at: int, op: int, state: int) -> tuple[int, int, int, int]:
    """(distance, length, literals behind it, position) of a match; distance 0 is the end of the block."""
    if op >= 64:
        return (raw[at] << 3) + (op >> 2 & 7) + 1, (op >> 5) + 1, op & 3, at + 1
    if op >= 32:
        length, at = _long(raw, at, op & 31, 31)
        low = int.from_bytes(raw[at : at + 2], "little")
        return (low >> 2) + 1, length + 2, low & 3, at + 2
    if op >= 16:
        length, at = _long(raw, at, op & 7, 7)
        low = int.from_bytes(raw[at : at + 2], "little")
        distance = ((op & 8) << 11) + (low >> 2)
        return (distance + 0x4000 if distance else 0), length + 2, low & 3, at + 2
    near = (raw[at] << 2) + (op >> 2) + 1
    return (near + 2048, 3, op & 3, at + 1) if state == 4 else (near, 2, op & 3, at + 1)


UNPACKERS: dict[int, Callable[[bytes, int], bytes]] = {1: _zlib, 2: lzo, 4: snappy, 0x20: unpack_frame}
"""By the flag of the page descriptor."""
