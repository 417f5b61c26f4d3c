"""Notes of a core as we write it: those that every debugger reads, and our own. docs/dumps.md."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

from unidbg.target.dump.own import OWNER
from unidbg.target.dump.registers import NT_PRFPREG, NT_PRSTATUS, PRSTATUS

NT_PRPSINFO, NT_AUXV = 3, 6
AT_ENTRY = 9
MACHINE_NUMBERS = {"i386": 3, "arm": 40, "x86_64": 62, "aarch64": 183, "riscv64": 243}

Values = Mapping[str, int | None]


def encode_note(owner: bytes, kind: int, data: bytes) -> bytes:
    """One note, name and contents padded to 4 bytes."""
    name = owner + b"\0"
    head = struct.pack("<III", len(name), len(data), kind)
    return head + name.ljust(len(name) + 3 & ~3, b"\0") + data.ljust(len(data) + 3 & ~3, b"\0")


def encode_json(kind: int, value: Any) -> bytes:
    """One of our own notes."""
    return encode_note(OWNER, kind, json.dumps(value, separators=(",", ":")).encode())


def encode_thread(machine: str, values: Values, number: int, signal: int) -> bytes:
    """NT_PRSTATUS and, where it is known, NT_PRFPREG; nothing for an architecture without a layout.

    `number` tells the threads apart: debuggers take it for the process id.
    """
    place = PRSTATUS.get(machine)
    if place is None:
        return b""
    mask = (1 << 8 * struct.calcsize(place.form.format[-1:])) - 1
    words = [(values.get(name) or 0) & mask for name in place.names]
    data = bytearray({"x86_64": 336, "aarch64": 392, "i386": 144}[machine])
    struct.pack_into("<i", data, 0, signal)
    struct.pack_into("<H", data, 12, signal)
    struct.pack_into("<I", data, place.pid, number)
    place.form.pack_into(data, place.offset, *words)
    note = encode_note(b"CORE", NT_PRSTATUS, bytes(data))
    if machine == "x86_64" and values.get("xmm0") is not None:
        note += encode_note(b"CORE", NT_PRFPREG, encode_fxsave(values))
    return note


def encode_fxsave(values: Values) -> bytes:
    """The FXSAVE area of x86_64; a register that is not known is 0."""

    def known(name: str, bits: int) -> int:
        return (values.get(name) or 0) & ((1 << bits) - 1)

    full = known("ftag", 16)
    tag = sum(1 << n for n in range(8) if full >> 2 * n & 3 != 3)
    pointers = known("fioff", 32) | known("fiseg", 16) << 32, known("fooff", 32) | known("foseg", 16) << 32
    head = struct.pack(
        "<HHBxHQQII", known("fctrl", 16), known("fstat", 16), tag, known("fop", 16), *pointers,
        known("mxcsr", 32), 0xFFFF,
    )  # fmt: skip
    stack = b"".join(known(f"st{n}", 80).to_bytes(16, "little") for n in range(8))
    vector = b"".join(known(f"xmm{n}", 128).to_bytes(16, "little") for n in range(16))
    return (head + stack + vector).ljust(512, b"\0")


def encode_process(name: str) -> bytes:
    """NT_PRPSINFO: what a debugger says the core is of."""
    text = name.encode("ascii", "replace")
    data = bytes(40) + text[:15].ljust(16, b"\0") + text[:79].ljust(80, b"\0")
    return encode_note(b"CORE", NT_PRPSINFO, data)


def encode_entry(entry: int) -> bytes:
    """NT_AUXV with the entry point as it ran: by it debuggers place the image."""
    return encode_note(b"CORE", NT_AUXV, struct.pack("<4Q", AT_ENTRY, entry, 0, 0))
