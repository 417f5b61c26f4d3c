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
    from unidbg_symbols.elf.header import Header, Section

_ZLIB, _ZSTD = 1, 2
_ZLIB_BEST_RATIO = 1040
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
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        try:
            from backports import zstd  # type: ignore[import-not-found, import-untyped, unused-ignore]
        except ImportError as error:
            raise ImageError(
                f"{path}: {what} is compressed by zstd; pip install 'unidbg[dump]', or build the image with "
                "-gz=zlib",
                path=path,
            ) from error
    try:
        result = bytes(zstd.ZstdDecompressor().decompress(data, max_length=size)) if size else b""
    except zstd.ZstdError as error:
        raise damaged(what, str(error), path=path) from error
    if len(result) != size:
        raise damaged(what, f"{len(result)} bytes of {size}", path=path)
    return result
