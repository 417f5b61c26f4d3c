"""The frames in which a dead guest sends its core, and what a receiver answers. docs/abi.md, "A dead guest".

No I/O. Nothing of what comes is believed: a frame is sound or it is none, and its parts have bounds.
"""

from __future__ import annotations

import binascii
import struct
from typing import NamedTuple

FLAG, ESCAPE, ESCAPE_BIT = 0x7E, 0x7D, 0x20
NEEDS_ESCAPE = frozenset(b"$+-%\x03\x11\x13\x7d\x7e")
CRC_BYTES = 4
MAX_FRAME = 8192
"""Bytes of a frame on the line: the stub's have at most some 2 KiB."""
MAX_DATA = 4096
"""Bytes of the core in one frame."""
MAX_CORE = 1 << 40
"""Bytes of a core: who claims more is no guest."""
VERSION = 1
MINIMAL, FULL = 0, 1

_ANNOUNCEMENT = struct.Struct("<BBQQQ")


class Announcement(NamedTuple):
    """What the guest says of itself. `dead`: there is a dump; `identity` tells one death from another."""

    version: int
    dead: bool
    identity: int
    sizes: tuple[int, int]
    """Bytes of the core in the minimal and the full form; 0: there is none."""
    text: str


class Part(NamedTuple):
    """A part of the core: `data`, or where that is `None`, `length` zeros."""

    at: int
    length: int
    data: bytes | None


def encode(payload: bytes) -> bytes:
    """A frame as it goes onto the line."""
    whole = payload + struct.pack("<I", binascii.crc32(payload))
    body = bytearray()
    for byte in whole:
        body += bytes((ESCAPE, byte ^ ESCAPE_BIT)) if byte in NEEDS_ESCAPE else bytes((byte,))
    return bytes((FLAG,)) + bytes(body) + bytes((FLAG,))


def hello() -> bytes:
    """Who is there?"""
    return encode(b"H")


def go(identity: int, form: int, at: int, window: int) -> bytes:
    """Send the core from byte `at` on, `window` frames ahead of what I have seen."""
    return encode(b"G" + struct.pack("<QBQB", identity, form, at, window))


def seen(at: int) -> bytes:
    """All before byte `at` has arrived."""
    return encode(b"K" + struct.pack("<Q", at))


def bye(whole: bool) -> bytes:
    """I am going; `whole`: with all of it."""
    return encode(b"B" + bytes((whole,)))


class Frames:
    """Bytes of the line into frames. What stands between frames is passed over."""

    def __init__(self) -> None:
        self._rest = b""
        self.damaged = 0
        """Frames that were not sound, since the start."""

    def feed(self, data: bytes) -> list[bytes]:
        """The contents of the frames that are whole by now, in order."""
        parts = (self._rest + data).split(bytes((FLAG,)))
        self._rest = parts.pop()
        if len(self._rest) > MAX_FRAME:
            self._rest = b""
        found = []
        for part in parts:
            payload = _decode(part) if len(part) <= MAX_FRAME else None
            if payload is not None:
                found.append(payload)
            elif len(part) > CRC_BYTES:
                self.damaged += 1
        return found


def _decode(body: bytes) -> bytes | None:
    """The contents between two flags; `None`: they are not sound."""
    pieces = body.split(bytes((ESCAPE,)))
    if any(not piece for piece in pieces[1:]):
        return None
    whole = pieces[0] + b"".join(bytes((piece[0] ^ ESCAPE_BIT,)) + piece[1:] for piece in pieces[1:])
    payload, check = whole[:-CRC_BYTES], whole[-CRC_BYTES:]
    if not payload or binascii.crc32(payload) != int.from_bytes(check, "little"):
        return None
    return payload


def parse(payload: bytes) -> Announcement | Part | None:
    """What a sound frame of a guest says; `None` for what is unknown or impossible."""
    kind, rest = payload[:1], payload[1:]
    if kind == b"A":
        return _announcement(rest)
    if kind == b"D" and len(rest) >= 10:
        at, length = struct.unpack_from("<QH", rest)
        data = unpack(rest[10:], length) if length <= MAX_DATA else None
        return Part(at, length, data) if data and at + length <= MAX_CORE else None
    if kind == b"Z" and len(rest) == 16:
        at, length = struct.unpack("<QQ", rest)
        return Part(at, length, None) if length > 0 and at + length <= MAX_CORE else None
    return None


def _announcement(rest: bytes) -> Announcement | None:
    if len(rest) < _ANNOUNCEMENT.size:
        return None
    version, dead, identity, minimal, full = _ANNOUNCEMENT.unpack_from(rest)
    text = rest[_ANNOUNCEMENT.size :].decode("utf-8", "replace")
    return Announcement(version, bool(dead), identity, (minimal, full), text)


def unpack(packed: bytes, length: int) -> bytes | None:
    """Runs spelt out: exactly `length` bytes, or `None`."""
    out, at = bytearray(), 0
    while at < len(packed) and len(out) < length:
        control = packed[at]
        if control < 128:
            piece = packed[at + 1 : at + 2 + control]
            at += 2 + control
            if len(piece) != control + 1:
                return None
            out += piece
        else:
            if at + 1 >= len(packed):
                return None
            out += packed[at + 1 : at + 2] * (control - 125)
            at += 2
    return bytes(out) if len(out) == length and at == len(packed) else None
