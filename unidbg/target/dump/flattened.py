"""The flattened form of kdump files: written front to back, each piece with the offset where it belongs.

Source: makedumpfile, "flattened format" (makedumpfile(8), -F): a header of 4096 bytes with the signature and
two big-endian numbers, then (offset, size) big-endian and `size` bytes, ended by (-1, -1). Later pieces win.
"""

from __future__ import annotations

import struct
from array import array

from unidbg.target.dump.extents import Extents
from unidbg.target.dump.source import Source, bad

SIGNATURE = b"makedumpfile\0\0\0\0"
HEADER_BYTES = 4096
RECORD = struct.Struct(">qq")
MAX_RECORDS = 1 << 20
MAX_READ = 1 << 28


class Flattened:
    """A `Source` as the file would be, had it been written in place."""

    def __init__(self, source: Source) -> None:
        """DumpError where there is not one whole piece."""
        self.path = source.path
        self._source = source
        self.complete, columns = _records(source)
        if not columns[0]:
            raise bad(source.path, "a flattened dump that ends before its first piece: it was cut off")
        self.size = max(map(sum, zip(columns[0], columns[1], strict=True)))
        for column in columns:
            column.reverse()  # of two pieces that begin alike the later one is right
        self._extents = Extents.of_columns(*columns)

    def read(self, offset: int, length: int) -> bytes:
        """What was never written is zeros."""
        length = max(0, min(length, self.size - offset, MAX_READ))
        out = bytearray()
        while len(out) < length:
            at, left = offset + len(out), length - len(out)
            found = self._extents.find(at)
            if found is None:
                out += bytes(min(left, self._extents.gap(at)))
                continue
            piece = self._source.read(found[0], min(left, found[1]))
            if not piece:
                break
            out += piece
        return bytes(out)

    def view(self, offset: int, length: int) -> memoryview | None:
        found = self._extents.find(offset)
        return self._source.view(found[0], min(length, found[1])) if found else None

    def find(self, needle: bytes, start: int, end: int) -> int:
        """Not searched: pages are compressed in it."""
        del needle, start, end
        return -1

    def close(self) -> None:
        self._source.close()


def _records(source: Source) -> tuple[bool, tuple[array[int], array[int], array[int]]]:
    """Whether the end was reached, and offset, size and place in the file of each piece."""
    columns = array("Q"), array("Q"), array("Q")
    at = HEADER_BYTES
    for _ in range(MAX_RECORDS):
        raw = source.read(at, RECORD.size)
        if len(raw) < RECORD.size:
            return False, columns
        offset, size = RECORD.unpack(raw)
        if offset < 0 or size < 0:
            return (offset, size) == (-1, -1), columns
        at += RECORD.size
        held = min(size, source.size - at)
        for column, value in zip(columns, (offset, max(held, 0), at), strict=True):
            column.append(value)
        at += size
    return False, columns
