"""Writes ELF files and DWARF byte by byte: what no compiler here emits, in any byte order and format."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

COMPILE, TYPE, PARTIAL = 1, 2, 3
"""Types of units (DWARF 5, section 7.5.1)."""

Attribute = tuple[int, int]
"""Attribute and form."""


class Format(NamedTuple):
    """How numbers are written: byte order, bits of an address, and DWARF's 64-bit format."""

    little: bool = True
    bits: int = 64
    wide: bool = False

    @property
    def order(self) -> str:
        return "<" if self.little else ">"

    def number(self, value: int, size: int) -> bytes:
        return value.to_bytes(size, "little" if self.little else "big")

    def address(self, value: int) -> bytes:
        return self.number(value, self.bits // 8)

    def offset(self, value: int) -> bytes:
        """An offset into a section of debug information."""
        return self.number(value, 8 if self.wide else 4)

    def length(self, value: int) -> bytes:
        return b"\xff" * 4 + self.number(value, 8) if self.wide else self.number(value, 4)


def uleb(value: int) -> bytes:
    out = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


def text(value: str) -> bytes:
    """DW_FORM_string."""
    return value.encode() + b"\0"


def abbrevs(*entries: tuple[int, int, bool, Sequence[Attribute]]) -> bytes:
    """A table of (code, tag, has children, attributes)."""
    out = bytearray()
    for code, tag, children, attributes in entries:
        out += uleb(code) + uleb(tag) + bytes((children,))
        for attribute, form in (*attributes, (0, 0)):
            out += uleb(attribute) + uleb(form)
    return bytes(out) + b"\0"


def unit(
    form: Format, version: int, dies: bytes, *, abbrev: int = 0, kind: int = COMPILE, signature: int = 0,
    type_offset: int = 0,
) -> bytes:  # fmt: skip
    """A unit of .debug_info, or of .debug_types for a type unit before DWARF 5.

    `type_offset` counts from the first byte of the DIEs.
    """
    size = bytes((form.bits // 8,))
    if version >= 5:
        head = form.number(version, 2) + bytes((kind,)) + size + form.offset(abbrev)
    else:
        head = form.number(version, 2) + form.offset(abbrev) + size
    if kind == TYPE:
        start = len(form.length(0)) + len(head) + 8 + len(form.offset(0))
        head += form.number(signature, 8) + form.offset(start + type_offset)
    return form.length(len(head) + len(dies)) + head + dies


def header_size(form: Format, version: int, kind: int = COMPILE) -> int:
    """Bytes before the first DIE of a unit."""
    return len(unit(form, version, b"", kind=kind))


def elf(
    form: Format,
    sections: Mapping[str, bytes],
    *,
    machine: int = 62,
    symbols: Mapping[str, tuple[int, int]] | None = None,
) -> bytes:
    """A static executable with these sections, one of code at 0x1000, and functions (address, size)."""
    names = ["", ".text", *sections, ".symtab", ".strtab", ".shstrtab"]
    strings = b"".join(name.encode() + b"\0" for name in names)
    table, texts = _symbols(form, symbols or {})
    contents = [b"", b"\x90" * 0x100, *sections.values(), table, texts, strings]
    wide = form.bits == 64
    at = 64 if wide else 52
    headers, body, name_at = b"", b"", 0
    for number, (name, data) in enumerate(zip(names, contents, strict=True)):
        kind = {"": 0, ".symtab": 2, ".strtab": 3, ".shstrtab": 3}.get(name, 1)
        flags, address = (6, 0x1000) if name == ".text" else (0, 0)
        link, entry = (number + 1, 24 if wide else 16) if name == ".symtab" else (0, 0)
        fields = (
            name_at,
            kind,
            flags,
            address,
            at + len(body),
            len(data),
            link,
            1 if kind == 2 else 0,
            1,
            entry,
        )
        headers += struct.pack(form.order + ("IIQQQQIIQQ" if wide else "10I"), *fields)
        body += data
        name_at += len(name) + 1
    start = at + len(body)
    ident = b"\x7fELF" + bytes((2 if wide else 1, 1 if form.little else 2, 1)) + bytes(9)
    layout = "HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"
    sizes = (64, 56, 0, 64) if wide else (52, 32, 0, 40)
    head = struct.pack(
        form.order + layout, 2, machine, 1, 0x1000, 0, start, 0, *sizes, len(names), len(names) - 1
    )
    return ident + head + body + headers


def _symbols(form: Format, symbols: Mapping[str, tuple[int, int]]) -> tuple[bytes, bytes]:
    texts, rows = b"\0", [(0, 0, 0, 0)]
    for name, (address, size) in symbols.items():
        rows.append((len(texts), address, size, 1))
        texts += name.encode() + b"\0"
    table = b""
    for name_at, address, size, section in rows:
        info = 0x12 if section else 0
        if form.bits == 64:
            table += struct.pack(form.order + "IBBHQQ", name_at, info, 0, section, address, size)
        else:
            table += struct.pack(form.order + "IIIBBH", name_at, address, size, info, 0, section)
    return table, texts
