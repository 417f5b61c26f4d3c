"""Text of the guest: NUL-terminated, in arrays, and in rings. Bytes that are not UTF-8 are surrogates."""

from __future__ import annotations

from unidbg.errors import MemoryFault
from unidbg.program.value import Value
from unidbg.target.base import AddressSpace

MAX_TEXT = 4096
"""Bytes of a text that nobody bounded."""
PIECE = 256
"""Bytes of one read while looking for the NUL: never across a page that the text does not reach."""


def decode(data: bytes) -> str:
    """Bytes as text, without loss: what is not UTF-8 becomes U+DC80..U+DCFF (`surrogateescape`).

    Control bytes stay; renderers escape.
    """
    return data.decode("utf-8", "surrogateescape")


def until_nul(data: bytes) -> bytes:
    """Up to, without, the first NUL."""
    return data.split(b"\0", 1)[0]


def read_text(memory: AddressSpace, address: int, limit: int = MAX_TEXT) -> tuple[bytes, str | None]:
    """(bytes, what was wrong or `None`) of the NUL-terminated text at `address`."""
    out = bytearray()
    while len(out) < limit:
        at = address + len(out)
        size = min(PIECE - at % PIECE, limit - len(out))
        piece = _readable(memory, at, size)
        out += until_nul(piece)
        if b"\0" in piece:
            return bytes(out), None
        if len(piece) < size:
            return bytes(out), f"the text runs into unreadable memory at {address + len(out):#x}"
    return bytes(out), f"no NUL within {limit} bytes"


def _readable(memory: AddressSpace, address: int, size: int) -> bytes:
    """What can be read from `address` on, at most `size` bytes."""
    try:
        return memory.read(address, size)
    except MemoryFault as fault:
        good = fault.address - address
        return memory.read(address, good) if 0 < good < size else b""


def text(value: Value, limit: int = MAX_TEXT) -> tuple[str, str | None]:
    """(text, what was wrong or `None`) of a `char[]` or a `char *`; a NULL pointer is the empty text."""
    if not value.is_array_():
        address = value.int_()
        data, wrong = read_text(value.memory_, address, limit) if address else (b"", None)
    elif value.address_ is None or value.size_ <= PIECE:
        data, wrong = until_nul(value.bytes_()[:limit]), None
    else:
        data, wrong = read_text(value.memory_, value.address_, min(limit, value.size_))
        wrong = None if len(data) == value.size_ else wrong
    return decode(data), wrong


def ring(data: bytes, written: int) -> tuple[bytes, int]:
    """(contents oldest first, bytes lost) of a ring whose next byte goes to `written % len(data)`."""
    size = len(data)
    if size == 0 or written <= size:
        return data[: max(written, 0)], 0
    at = written % size
    return data[at:] + data[:at], written - size


def lines(data: bytes) -> tuple[str, ...]:
    """Lines oldest first, without their line ends. The first may lack its beginning, the last its end."""
    parts = data.split(b"\n")
    if parts[-1] == b"":
        parts.pop()
    return tuple(decode(part.removesuffix(b"\r")) for part in parts)
