"""Ways to read the memory of another process, best first: a shared file, process_vm_readv, /proc/PID/mem.

All addresses are the process's own.
"""

from __future__ import annotations

import errno
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from unidbg.errors import TargetError
from unidbg.target.host.maps import open_behind, refused

if TYPE_CHECKING:
    import ctypes

BATCH = 1024
"""Ranges of one process_vm_readv: IOV_MAX."""
PAGE = 4096
PRESENT = 3 << 62
"""In /proc/PID/pagemap: the page is in memory, or swapped out; otherwise it was never touched."""


class Way(Protocol):
    """Reads a process; `name` is for provenance."""

    name: str

    def read(self, address: int, length: int) -> bytes:
        """`length` bytes, or as many as there are."""
        ...

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Each range, short where it cannot be read."""
        ...

    def untouched(self, address: int, length: int) -> bool:
        """Whether no page of a range was ever touched: then it is zeros."""
        ...

    def close(self) -> None:
        """Let go. Idempotent."""


class SharedWay:
    """The process's RAM is a file that we open too: reading is a copy, and takes no room for what is a hole.

    What is not shared, as ROM beside it, is read by `others`.
    """

    name = "shared memory"

    def __init__(self, pid: int, wanted: Sequence[tuple[int, int]], others: Way | None) -> None:
        """OSError where the largest of `wanted` (start, end) is not shared, or a part is left to nobody."""
        self._files: list[_File] = []
        self._others = others
        largest = max(wanted, key=lambda r: r[1] - r[0])
        try:
            for start, end in sorted(wanted, key=lambda r: r != largest):
                try:
                    self._files.append(_File(start, end, *open_behind(pid, start, end)))
                except OSError:
                    if (start, end) == largest or others is None:
                        raise
        except BaseException:
            self._close_files()
            raise

    def read(self, address: int, length: int) -> bytes:
        for start, end, descriptor, offset in self._files:
            if start <= address < end:
                with suppress(OSError):
                    return os.pread(descriptor, min(length, end - address), offset + address - start)
                return b""
        return self._others.read(address, length) if self._others is not None else b""

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.read(*r) for r in ranges]

    def untouched(self, address: int, length: int) -> bool:
        for start, end, descriptor, offset in self._files:
            if start <= address and address + length <= end:
                return _is_hole(descriptor, offset + address - start, length)
        return self._others is not None and self._others.untouched(address, length)

    def close(self) -> None:
        self._close_files()
        if self._others is not None:
            self._others.close()

    def _close_files(self) -> None:
        for file in self._files:
            os.close(file.descriptor)
        self._files = []


class _File(NamedTuple):
    """Addresses of the process from `start` to `end`, which lie in a file from `offset` on."""

    start: int
    end: int
    descriptor: int
    offset: int


def _is_hole(file: int, offset: int, length: int) -> bool:
    """Whether a file has no data in a range."""
    try:
        return os.lseek(file, offset, os.SEEK_DATA) >= offset + length
    except OSError as error:  # ENXIO: nothing but a hole up to the end
        return error.errno == errno.ENXIO


class _PrivateWay:
    """What the ways have in common that read memory of the process itself."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._pages: int | None = None

    def untouched(self, address: int, length: int) -> bool:
        """Whether no page of a range is in memory or swapped out (/proc/PID/pagemap)."""
        if self._pages is None:
            try:
                self._pages = os.open(f"/proc/{self._pid}/pagemap", os.O_RDONLY)
            except OSError:
                self._pages = -1
        if self._pages < 0:
            return False
        first, last = address // PAGE, (address + length - 1) // PAGE
        raw = os.pread(self._pages, 8 * (last - first + 1), 8 * first)
        whole = len(raw) == 8 * (last - first + 1)
        return whole and not any(entry & PRESENT for entry in array("Q", raw))

    def close(self) -> None:
        """Let the process go. Idempotent."""
        if self._pages is not None and self._pages >= 0:
            os.close(self._pages)
        self._pages = -1


class VmWay(_PrivateWay):
    """process_vm_readv: many ranges in one call of the system."""

    name = "process_vm_readv"

    def __init__(self, pid: int, probe: int) -> None:
        """OSError where the system has it not, or refuses one byte at `probe`."""
        import ctypes

        super().__init__(pid)
        self._buffer = ctypes.create_string_buffer(1 << 16)
        self._library = ctypes.CDLL(None, use_errno=True)
        try:
            self._call = self._library.process_vm_readv
        except AttributeError:
            raise OSError("this system has no process_vm_readv") from None
        self._call.restype = ctypes.c_ssize_t
        self._call.argtypes = [
            ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong,
        ]  # fmt: skip
        if len(self.read(probe, 1)) != 1:
            raise OSError(ctypes.get_errno(), "process_vm_readv is refused")

    def read(self, address: int, length: int) -> bytes:
        return self.read_many([(address, length)])[0]

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < len(ranges):
            found += self._batch(ranges[len(found) : len(found) + BATCH])
        return found

    def _batch(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """At least the first range, and those behind it as far as the call came: it ends at a bad one."""
        import ctypes

        total = sum(length for _, length in ranges)
        if total > len(self._buffer):
            self._buffer = ctypes.create_string_buffer(total)
        buffer = self._buffer  # kept: fresh pages cost more than what is read into them
        local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), total)
        remote = (ctypes.c_size_t * (2 * len(ranges)))(*(word for r in ranges for word in r))
        count = self._call(self._pid, ctypes.addressof(local), 1, ctypes.addressof(remote), len(ranges), 0)
        return list(_split(buffer, ranges, max(count, 0)))


def _split(
    buffer: ctypes.Array[ctypes.c_char], ranges: Sequence[tuple[int, int]], count: int
) -> Iterator[bytes]:
    data = memoryview(buffer)
    at = 0
    for _, length in ranges:
        yield bytes(data[at : min(at + length, count)])
        at += length
        if at > count:
            return


class MemWay(_PrivateWay):
    """/proc/PID/mem, a call of the system for each range."""

    name = "/proc/PID/mem"

    def __init__(self, pid: int, probe: int) -> None:
        """OSError where we may not read it."""
        super().__init__(pid)
        self._file = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        if len(self.read(probe, 1)) != 1:
            self.close()
            raise OSError("the process cannot be read there")

    def read(self, address: int, length: int) -> bytes:
        try:
            return os.pread(self._file, length, address)
        except (OSError, OverflowError):
            return b""

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.read(*r) for r in ranges]

    def close(self) -> None:
        super().close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def best_way(pid: int, wanted: Sequence[tuple[int, int]]) -> Way:
    """The best way that works for all of `wanted` (start, end); TargetError that says what would let us."""
    plain = _plain_way(pid, wanted[0][0])
    try:
        return SharedWay(pid, wanted, plain)
    except (OSError, TargetError):
        if plain is None:
            raise TargetError(refused(pid)) from None
        return plain


def _plain_way(pid: int, probe: int) -> Way | None:
    """The way for memory that is not shared; `probe` is an address that can be read."""
    makers: tuple[Callable[[int, int], Way], ...] = (VmWay, MemWay)
    for make in makers:
        with suppress(OSError):
            return make(pid, probe)
    return None
