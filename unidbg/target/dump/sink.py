"""Where a core is written to: a file with holes for zeros, or a stream; packed by zstd or not.

All take the same calls in order, and a digest of what is not zero is made on the way.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any, Protocol

from unidbg.errors import DumpError

BLOCK = 1 << 16
"""Bytes that are looked at for zeros, and that the digest goes by."""
ZEROS = bytes(BLOCK)
ALL_ZEROS = bytes(1 << 20)


class Digest:
    """SHA-256 over offset (8 bytes, little-endian) and contents of each block that is not all zeros."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, offset: int, block: bytes | memoryview) -> None:
        """A block that is not zero."""
        self._hash.update(offset.to_bytes(8, "little"))
        self._hash.update(block)

    def digest(self) -> bytes:
        return self._hash.digest()


class Sink(Protocol):
    """Takes the bytes of a core from front to back."""

    def put(self, data: bytes | memoryview) -> None:
        """Bytes that are not all zeros."""
        ...

    def skip(self, length: int) -> None:
        """So many zeros."""
        ...

    def end(self) -> None:
        """All was written."""
        ...


class FileSink:
    """A file; zeros are holes."""

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor
        self._at = 0

    def put(self, data: bytes | memoryview) -> None:
        _write_all(self._fd, data)
        self._at += len(data)

    def skip(self, length: int) -> None:
        self._at += length
        os.lseek(self._fd, self._at, os.SEEK_SET)

    def end(self) -> None:
        os.ftruncate(self._fd, self._at)


class StreamSink:
    """A pipe or a terminal's neighbour: zeros are written."""

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor

    def put(self, data: bytes | memoryview) -> None:
        _write_all(self._fd, data)

    def skip(self, length: int) -> None:
        while length > 0:
            _write_all(self._fd, ZEROS[:length])
            length -= BLOCK

    def end(self) -> None:
        """A stream ends by itself."""


class ZstdSink:
    """Packed on the way to a descriptor."""

    def __init__(self, descriptor: int) -> None:
        from unidbg.target.dump.packed import library

        self._fd = descriptor
        self._packer: Any = library().ZstdCompressor(level=3, threads=-1, write_checksum=True).compressobj()

    def put(self, data: bytes | memoryview) -> None:
        _write_all(self._fd, self._packer.compress(data))

    def skip(self, length: int) -> None:
        while length > 0:
            self.put(ZEROS[:length])
            length -= BLOCK

    def end(self) -> None:
        _write_all(self._fd, self._packer.flush())


def _write_all(fd: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def pour(data: bytes, offset: int, sink: Sink, digest: Digest) -> int:
    """Hand `data` over block by block; `offset` (a multiple of BLOCK) is where it begins. Bytes not zero."""
    written = 0
    if data == (ALL_ZEROS if len(data) == len(ALL_ZEROS) else bytes(len(data))):
        sink.skip(len(data))
        return 0
    for at in range(0, len(data), BLOCK):
        block = data[at : at + BLOCK]  # bytes: a memoryview is compared item by item
        if block == ZEROS[: len(block)]:
            sink.skip(len(block))
        else:
            digest.add(offset + at, block)
            sink.put(block)
            written += len(block)
    return written


def digest_of(path: str, start: int, length: int, tick: Callable[[int], None] = lambda _: None) -> bytes:
    """The digest of `length` bytes of a file from `start` on, holes passed over."""
    digest = Digest()
    fd = os.open(path, os.O_RDONLY)
    try:
        at = 0
        while at < length:
            at = _next_data(fd, start + at, start + length) - start
            block = os.pread(fd, min(BLOCK, length - at), start + at) if at < length else b""
            if block != ZEROS[: len(block)]:
                digest.add(at, block)
            if at < length and not block:
                raise DumpError(f"{path}: the file ends before its memory does: it was cut off", path=path)
            at += BLOCK
            tick(at)
    finally:
        os.close(fd)
    return digest.digest()


def _next_data(fd: int, offset: int, end: int) -> int:
    """The beginning of the block in which the next data lie, counted from `offset`."""
    try:
        found = os.lseek(fd, offset, os.SEEK_DATA)
    except (OSError, AttributeError):  # nothing but a hole follows, or the system does not tell
        return end if offset < os.fstat(fd).st_size and hasattr(os, "SEEK_DATA") else offset
    return offset + (found - offset) // BLOCK * BLOCK
