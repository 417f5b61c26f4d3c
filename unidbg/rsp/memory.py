"""Memory packets: requests that fit a packet, and replies that are believed only as far as they go.

A reader returns the bytes it got: all, a readable prefix, or none (`None`: the stub refused or said nothing,
which Unikraft's stub does for unmapped memory). Sources: GDB manual "Packets" (m, M, x, X); LLDB's
"MultiMemRead"; quirks of stubs seen in the field.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from enum import Enum

from unidbg.errors import RemoteProtocolError
from unidbg.rsp.framing import escape
from unidbg.rsp.replies import as_text, is_error, is_hex

HEADROOM = 16
"""Bytes of a packet that are not data: framing, and what stubs keep back."""


class BinaryStyle(Enum):
    """How a stub answers `x`: not at all, GDB's way (data after a `b`), or LLDB's older way (bare data)."""

    NONE = 0
    GDB = 1
    LLDB = 2


def binary_style(probe: bytes) -> BinaryStyle:
    """What the reply to `x0,0` tells: `OK` is LLDB's, `b` is GDB's."""
    return {b"OK": BinaryStyle.LLDB, b"b": BinaryStyle.GDB}.get(probe, BinaryStyle.NONE)


def read_request(address: int, length: int) -> bytes:
    """`m`: hexadecimal."""
    return b"m%x,%x" % (address, length)


def read_binary_request(address: int, length: int) -> bytes:
    """`x`: binary."""
    return b"x%x,%x" % (address, length)


def read_many_request(ranges: Sequence[tuple[int, int]]) -> bytes:
    """`MultiMemRead` of (address, length) pairs."""
    return b"MultiMemRead:ranges:%b;" % b",".join(b"%x,%x" % pair for pair in ranges)


def write_request(address: int, data: bytes) -> bytes:
    """`M`: hexadecimal."""
    return b"M%x,%x:%b" % (address, len(data), data.hex().encode("ascii"))


def write_binary_request(address: int, data: bytes) -> bytes:
    """`X`: binary, escaped."""
    return b"X%x,%x:%b" % (address, len(data), escape(data))


def sum_request(address: int, length: int) -> bytes:
    """`qCRC`."""
    return b"qCRC:%x,%x" % (address, length)


def parse_sum(reply: bytes) -> int | None:
    """The sum of a `qCRC` reply; `None` where there is none."""
    digits = reply[1:]
    return int(digits, 16) if reply[:1] == b"C" and digits and is_hex(digits) and len(digits) <= 8 else None


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def memory_sum(data: bytes) -> int:
    """What `qCRC` tells of `data`: 32 bits, polynomial 0x04c11db7, from the left, begun with all ones.

    That is the usual CRC-32 with the bits of each byte and of the sum in reverse, not inverted in the end.
    """
    usual = zlib.crc32(data.translate(_MIRRORED)) ^ 0xFFFFFFFF
    return int.from_bytes(usual.to_bytes(4, "little").translate(_MIRRORED), "big")


def parse_read(reply: bytes, length: int) -> bytes | None:
    """The data of an `m` reply, at most `length` bytes of it."""
    if not reply or is_error(reply):
        return None
    try:
        data = bytes.fromhex(reply.decode("ascii"))
    except ValueError:
        raise _bad("memory", reply) from None
    if len(data) > length:
        raise _bad("memory (longer than asked)", reply)
    return data


def parse_read_binary(reply: bytes, length: int, style: BinaryStyle) -> bytes | None:
    """The data of an `x` reply in either style."""
    if style is BinaryStyle.GDB:
        return _after_b(reply, length)
    if len(reply) == length:
        return reply
    if not reply or is_error(reply):
        return None
    return _bounded(reply, length)


def _after_b(reply: bytes, length: int) -> bytes | None:
    if not reply or is_error(reply):
        return None
    if reply[:1] != b"b":
        raise _bad("binary memory", reply)
    return _bounded(reply[1:], length)


def _bounded(data: bytes, length: int) -> bytes:
    if len(data) > length:
        raise _bad("binary memory (longer than asked)", data)
    return data


def parse_read_many(reply: bytes, ranges: Sequence[tuple[int, int]]) -> list[bytes] | None:
    """The data of each range of a `MultiMemRead` reply, each possibly short; `None` if it was refused."""
    if not reply or is_error(reply):
        return None
    head, semicolon, data = reply.partition(b";")
    digits = head.split(b",")
    if not semicolon or len(digits) != len(ranges) or not all(map(is_hex, digits)):
        raise _bad("MultiMemRead", reply)
    lengths = [int(text, 16) for text in digits]
    asked = [length for _, length in ranges]
    if sum(lengths) != len(data) or any(got > want for got, want in zip(lengths, asked, strict=True)):
        raise _bad("MultiMemRead (lengths do not add up)", reply)
    return _cut(data, lengths)


def _cut(data: bytes, lengths: Sequence[int]) -> list[bytes]:
    out: list[bytes] = []
    start = 0
    for length in lengths:
        out.append(data[start : start + length])
        start += length
    return out


def _bad(what: str, reply: bytes) -> RemoteProtocolError:
    return RemoteProtocolError(f"the stub sent bad {what}: '{as_text(reply, 40)}'", data=reply[:64])
