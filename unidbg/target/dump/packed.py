"""What unpacks dumps: zstd by the package of the extra `[dump]`, gzip by Python."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from importlib import import_module
from typing import Any

from unidbg.errors import UnidbgError
from unidbg.target.dump.source import bad

MAGIC = b"\x28\xb5\x2f\xfd"
GZIP_MAGIC = b"\x1f\x8b"
MAX_UNPACKED = 1 << 38
"""Bytes that are unpacked at most: 256 GiB, which is a file of zeros in 8 MiB of zstd."""
CHUNK = 1 << 20
BLOCK = 4096
LACKS = "zstd is not in this Python: install unidbg[dump], or unpack it with `zstd -d` first"
WINDOW_LOG = 27


class ZstdMissing(UnidbgError):
    """No package for zstd."""

    def __init__(self) -> None:
        super().__init__(LACKS)


def library() -> Any:
    """The package `zstandard`; ZstdMissing with what to install."""
    try:
        return import_module("zstandard")
    except ImportError:
        raise ZstdMissing from None


def unpack_frame(raw: bytes, size: int) -> bytes:
    """A frame that unpacks to `size` bytes; ValueError where it is damaged."""
    package = library()
    try:
        unpacked: bytes = package.ZstdDecompressor().decompress(raw, max_output_size=size)
    except package.ZstdError as error:
        raise ValueError(str(error)) from None
    return unpacked


def unpacked_file(path: str) -> tuple[int, bool]:
    """(descriptor of a nameless file with what a zstd file unpacks to, whether it was whole).

    Zeros take no room in it. DumpError where not one byte can be unpacked.
    """
    package = library()
    with open(path, "rb") as packed:
        reader = package.ZstdDecompressor(max_window_size=1 << WINDOW_LOG).stream_reader(
            packed, read_across_frames=True
        )
        return _unpacked(path, lambda: reader.read(CHUNK), package.ZstdError)


def gunzipped_file(path: str) -> tuple[int, bool]:
    """The same for a gzip file."""
    import gzip
    import zlib

    with gzip.open(path) as reader:
        return _unpacked(path, lambda: reader.read(CHUNK), (OSError, EOFError, zlib.error))


Errors = type[Exception] | tuple[type[Exception], ...]


def _unpacked(path: str, read: Callable[[], bytes], errors: Errors) -> tuple[int, bool]:
    holder = tempfile.TemporaryFile(prefix="unidbg-", dir=_folder())  # noqa: SIM115
    with holder:
        whole, size = _pour(read, holder.fileno(), errors)
        if size == 0:
            raise bad(path, "the packed file is damaged at its beginning")
        return os.dup(holder.fileno()), whole


def _pour(read: Callable[[], bytes], fd: int, errors: Errors) -> tuple[bool, int]:
    """Write what `read` gives, holes for zeros; whether it ended well, and the size."""
    size = 0
    while size < MAX_UNPACKED:
        try:
            data = read()
        except errors:
            break
        if not data:
            os.ftruncate(fd, size)
            return True, size
        if data.count(0) != len(data):
            os.pwrite(fd, data, size)
        size += len(data)
    os.ftruncate(fd, size)
    return False, size


def _folder() -> str | None:
    """Where there is room: not in a /tmp that is memory."""
    return next((folder for folder in ("/var/tmp",) if os.access(folder, os.W_OK)), None)
