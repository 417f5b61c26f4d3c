"""Compressed sections: SHF_COMPRESSED (zlib, zstd) and the older `.zdebug_` form.

Source: System V ABI, chapter 4, "Section Compression". The claimed size is held against what the method can
reach at best, so that a few damaged bytes never make us allocate gigabytes.
"""

from __future__ import annotations

from struct import Struct

from unidbg_symbols.damage import damaged
from unidbg_symbols.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from unidbg_symbols.elf.header import Header, Section

_ZLIB, _ZSTD = 1, 2
_ZLIB_BEST_RATIO = 1040
_ZSTD_BEST_RATIO = 1 << 15  # a block of 128 KiB in four bytes
_MOST_BYTES = 1 << 33


def decompress(data: bytes, section: Section, header: Header, path: str) -> bytes:
    """The uncompressed bytes of a section; ImageError when damaged or when zstd is not to be had."""
    method, size, start = _compression_header(data, section, header, path)
    what = f"section {section.name}"
    if size > _MOST_BYTES:
        raise damaged(what, f"it claims {size} bytes", path=path)
    if method == _ZLIB:
        return _inflate(data[start:], size, what, path)
    if method == _ZSTD:
        return _unzstd(data[start:], size, what, path)
    raise ImageError(f"{path}: {what} is compressed by an unknown method ({method})", path=path)


def _compression_header(data: bytes, section: Section, header: Header, path: str) -> tuple[int, int, int]:
    """(method, uncompressed size in bytes, where the stream starts)."""
    if section.name.startswith(".zdebug_"):
        if data[:4] != b"ZLIB" or len(data) < 12:
            raise damaged(f"section {section.name}", "no ZLIB header", path=path)
        return _ZLIB, int.from_bytes(data[4:12], "big"), 12
    layout = Struct(header.order + ("IIQQ" if header.bits == 64 else "III"))
    if len(data) < layout.size:
        raise damaged(f"section {section.name}", "no compression header", path=path)
    fields = layout.unpack_from(data)
    return fields[0], fields[2 if header.bits == 64 else 1], layout.size


def _inflate(data: bytes, size: int, what: str, path: str) -> bytes:
    import zlib

    if size > len(data) * _ZLIB_BEST_RATIO + 64:
        raise damaged(what, f"{len(data)} bytes cannot hold {size}", path=path)
    try:
        result = zlib.decompressobj().decompress(data, size) if size else b""
    except zlib.error as error:
        raise damaged(what, str(error), path=path) from error
    if len(result) != size:
        raise damaged(what, f"{len(result)} bytes of {size}", path=path)
    return result


def _unzstd(data: bytes, size: int, what: str, path: str) -> bytes:
    if size > len(data) * _ZSTD_BEST_RATIO + 64:
        raise damaged(what, f"{len(data)} bytes cannot hold {size}", path=path)
    try:
        result = _zstd_reader(data)(size) if size else b""
    except ImportError as error:
        remedy = "pip install 'unidbg[dump]', or build the image with -gz=zlib"
        raise ImageError(f"{path}: {what} is compressed by zstd; {remedy}", path=path) from error
    except _zstd_errors() as error:
        raise damaged(what, str(error), path=path) from error
    if len(result) != size:
        raise damaged(what, f"{len(result)} bytes of {size}", path=path)
    return result


def _zstd_reader(data: bytes) -> Callable[[int], bytes]:
    """Reads at most so many bytes of what was compressed, whatever its header claims."""
    from io import BytesIO

    try:
        from zstandard import ZstdDecompressor
    except ImportError:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]

        return zstd.ZstdFile(BytesIO(data)).read  # type: ignore[no-any-return, unused-ignore]
    return ZstdDecompressor().stream_reader(data).read


def _zstd_errors() -> tuple[type[Exception], ...]:
    try:
        from zstandard import ZstdError
    except ImportError:
        from compression.zstd import ZstdError  # type: ignore[import-not-found, no-redef, unused-ignore]
    return (EOFError, ZstdError)
