"""Ways to read the memory of another process, best first: a shared mapping, process_vm_readv, /proc/PID/mem.

All addresses are the process's own.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from unidbg.errors import TargetError
from unidbg.target.host.maps import Mapping, mappings, refused

if TYPE_CHECKING:
    import ctypes

BATCH = 1024
"""Ranges of one process_vm_readv: IOV_MAX."""


class Way(Protocol):
    """Reads a process; `name` is for provenance."""

    name: str

    def read(self, address: int, length: int) -> bytes:
        """`length` bytes, or as many as there are."""
        ...

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Each range, short where it cannot be read."""
        ...

    def close(self) -> None:
        """Let go. Idempotent."""


class SharedWay:
    """The process's RAM is a file that we map too: reading is a copy within our own memory.

    What is not shared, as ROM beside it, is read by `others`.
    """

    name = "shared memory"

    def __init__(self, pid: int, wanted: Sequence[tuple[int, int]], others: Way | None) -> None:
        """OSError where the largest of `wanted` (start, end) is not shared, or a part is left to nobody."""
        self._maps: list[tuple[int, mmap.mmap]] = []
        self._others = others
        largest = max(wanted, key=lambda r: r[1] - r[0])
        try:
            for start, end in sorted(wanted, key=lambda r: r != largest):
                try:
                    self._map(pid, start, end)
                except OSError:
                    if (start, end) == largest or others is None:
                        raise
        except BaseException:
            self._unmap()
            raise

    def _map(self, pid: int, start: int, end: int) -> None:
        found = next((m for m in mappings(pid) if m.start <= start and end <= m.end), None)
        if found is None or "s" not in found.permissions:
            raise OSError("not shared")
        descriptor = _descriptor(pid, found)
        try:
            self._maps.append(
                (
                    found.start,
                    mmap.mmap(descriptor, found.end - found.start, prot=mmap.PROT_READ, offset=found.offset),
                )
            )
        except ValueError as error:
            raise OSError(str(error)) from None
        finally:
            os.close(descriptor)

    def read(self, address: int, length: int) -> bytes:
        for start, mapped in self._maps:
            if start <= address < start + len(mapped):
                return mapped[address - start : address - start + length]
        return self._others.read(address, length) if self._others is not None else b""

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.read(*r) for r in ranges]

    def view(self, address: int, length: int) -> memoryview | None:
        """The bytes where they are, not copied."""
        for start, mapped in self._maps:
            if start <= address and address + length <= start + len(mapped):
                return memoryview(mapped)[address - start : address - start + length]
        return None

    def close(self) -> None:
        self._unmap()
        if self._others is not None:
            self._others.close()

    def _unmap(self) -> None:
        for _, mapped in self._maps:
            with suppress(BufferError):  # somebody still looks at it: it goes with its last view
                mapped.close()
        self._maps = []


def _descriptor(pid: int, mapping: Mapping) -> int:
    """The mapped file, opened: by its path, else as the process has it open (memfd, unlinked)."""
    files = [mapping.path]
    with suppress(OSError):
        files += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    for path in files:
        with suppress(OSError, ValueError):
            if os.stat(path).st_ino == mapping.inode:
                return os.open(path, os.O_RDONLY)
    raise OSError(f"the file behind {mapping.start:#x} is not to be had")


class VmWay:
    """process_vm_readv: many ranges in one call of the system."""

    name = "process_vm_readv"

    def __init__(self, pid: int, probe: int) -> None:
        """OSError where the system has it not, or refuses one byte at `probe`."""
        import ctypes

        self._pid = pid
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
        buffer = ctypes.create_string_buffer(max(total, 1))
        local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), total)
        remote = (ctypes.c_size_t * (2 * len(ranges)))(*(word for r in ranges for word in r))
        count = self._call(self._pid, ctypes.addressof(local), 1, ctypes.addressof(remote), len(ranges), 0)
        return list(_split(buffer, ranges, max(count, 0)))

    def close(self) -> None:
        """There is nothing to let go."""


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


class MemWay:
    """/proc/PID/mem, a call of the system for each range."""

    name = "/proc/PID/mem"

    def __init__(self, pid: int, probe: int) -> None:
        """OSError where we may not read it."""
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
