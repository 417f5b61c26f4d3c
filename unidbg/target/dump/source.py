"""The bytes of a dump file, by offset: short at the end, never an error for an offset that is not there."""

from __future__ import annotations

import mmap
import os
from typing import Protocol

from unidbg.errors import DumpError


def bad(path: str, reason: str) -> DumpError:
    """The error for a file that cannot be read as a dump."""
    return DumpError(f"{path}: {reason}", path=path)


class Source(Protocol):
    """Random access to the bytes of a dump as its format wants them."""

    @property
    def path(self) -> str:
        """The file that the user gave, for messages."""
        ...

    @property
    def size(self) -> int:
        """Bytes that there are."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes at `offset`; fewer where the file ends."""
        ...

    def view(self, offset: int, length: int) -> memoryview | None:
        """The same without a copy; `None` where the bytes do not lie together."""
        ...

    def find(self, needle: bytes, start: int, end: int) -> int:
        """Offset of the first `needle` wholly inside of [start, end), -1 if there is none."""
        ...

    def close(self) -> None: ...


class FileSource:
    """A file, mapped."""

    def __init__(self, path: str, descriptor: int | None = None) -> None:
        """Takes `descriptor` over, else opens `path`; DumpError when it cannot be read or is empty."""
        self.path = path
        try:
            fd = os.open(path, os.O_RDONLY) if descriptor is None else descriptor
        except OSError as error:
            raise bad(path, f"cannot be opened: {error.strerror}") from None
        try:
            self.size = os.fstat(fd).st_size
            if self.size == 0:
                raise bad(path, "the file is empty: the dump was never written, or the disk was full")
            self._map = mmap.mmap(fd, self.size, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise bad(path, f"cannot be mapped: {error}") from None
        finally:
            os.close(fd)
        self._all = memoryview(self._map)

    def read(self, offset: int, length: int) -> bytes:
        return self._map[offset : offset + length] if offset < self.size else b""

    def view(self, offset: int, length: int) -> memoryview | None:
        return self._all[offset : offset + length]

    def find(self, needle: bytes, start: int, end: int) -> int:
        return self._map.find(needle, start, min(end, self.size)) if start < self.size else -1

    def close(self) -> None:
        """Give the map back, unless somebody still looks at a part of it."""
        self._all.release()
        try:
            self._map.close()
        except BufferError:
            return
