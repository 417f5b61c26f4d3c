"""Dump files built byte by byte: what the readers are tested on without a guest that died."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

PAGE = 4096
Blocks = Mapping[int, bytes]
"""Memory by address."""

PRSTATUS_ORDER = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
    "ds es fs gs"
)


class Load(NamedTuple):
    """A PT_LOAD to be written."""

    virtual: int
    data: bytes
    physical: int | None = None
    memory_bytes: int | None = None


def note(owner: bytes, kind: int, data: bytes) -> bytes:
    """A note, padded."""
    name = owner + b"\0"
    head = struct.pack("<III", len(name), len(data), kind)
    return head + name + bytes(-len(name) % 4) + data + bytes(-len(data) % 4)


def prstatus(values: Mapping[str, int | None], signal: int = 0, pid: int = 1) -> bytes:
    """An NT_PRSTATUS of x86_64."""
    words = [values.get(name) or 0 for name in PRSTATUS_ORDER.split()]
    head = struct.pack("<12xH18xI76x", signal, pid)
    return note(b"CORE", 1, head + struct.pack("<27Q", *words) + bytes(8))


def qemu_note(values: Mapping[str, int | None]) -> bytes:
    """QEMU's note of a vCPU."""
    order = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", *(f"r{n}" for n in range(8, 16))]
    general = [values.get(name) or 0 for name in [*order, "rip", "eflags"]]
    segments = struct.pack("<IIIIQ", 8, 0xFFFFFFFF, 0xAF9A00, 0, 0) * 10
    controls = [values.get(name) or 0 for name in ("cr0", "cr1", "cr2", "cr3", "cr4", "k_gs_base")]
    data = struct.pack("<II18Q", 1, 440, *general) + segments + struct.pack("<6Q", *controls)
    return note(b"QEMU", 0, data)


def core(loads: Sequence[Load], notes: bytes = b"", *, osabi: int = 0, machine: int = 62) -> bytes:
    """An ELF core of 64 bits: header, program headers, notes, memory."""
    count = len(loads) + 1
    notes_at = 64 + 56 * count
    at = notes_at + len(notes)
    headers = [struct.pack("<IIQQQQQQ", 4, 0, notes_at, 0, 0, len(notes), len(notes), 0)]
    for load in loads:
        sizes = len(load.data), len(load.data) if load.memory_bytes is None else load.memory_bytes
        headers.append(struct.pack("<IIQQQQQQ", 1, 7, at, load.virtual, load.physical or 0, *sizes, 0))
        at += len(load.data)
    ident = b"\x7fELF\x02\x01\x01" + bytes([osabi]) + bytes(8)
    head = ident + struct.pack("<HHIQQQIHHHHHH", 4, machine, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    return b"".join([head, *headers, notes, *(load.data for load in loads)])


def pages(blocks: Blocks) -> dict[int, bytes]:
    """Page frame number to page."""
    found: dict[int, bytearray] = {}
    for start, data in blocks.items():
        for at in range(start, start + len(data)):
            page = found.setdefault(at // PAGE, bytearray(PAGE))
            page[at % PAGE] = data[at - start]
    return {number: bytes(found[number]) for number in sorted(found)}


def kdump(
    blocks: Blocks,
    notes: bytes = b"",
    *,
    pack: Callable[[bytes], bytes] = zlib.compress,
    flag: int = 1,
) -> bytes:
    """A kdump-compressed file of version 6."""
    found = pages(blocks)
    bitmap = bytearray(PAGE * (max(found) // (8 * PAGE) + 1))
    for number in found:
        bitmap[number // 8] |= 1 << number % 8
    utsname = b"".join(part.ljust(65, b"\0") for part in (b"x", b"x", b"x", b"x", b"x86_64", b""))
    notes_at = PAGE + 104
    sub_blocks = -(-(104 + len(notes)) // PAGE)
    head = b"KDUMP   " + struct.pack("<i", 6) + utsname + bytes(22)
    head += struct.pack(
        "<iIiIIIIIIi", 0, PAGE, sub_blocks, 2 * len(bitmap) // PAGE, max(found) + 1, 0, 0, 0, 0, 1
    )
    sub = struct.pack("<QII8Q", 0, 0, 0, 0, 0, 0, 0, notes_at, len(notes), 0, 0)
    sub += struct.pack("<3Q", 0, 0, max(found) + 1) + notes
    at = PAGE * (1 + sub_blocks) + 2 * len(bitmap) + 24 * len(found)
    descriptors, packed = [], []
    for data in found.values():
        piece = pack(data)
        kept, how = (piece, flag) if len(piece) < PAGE else (data, 0)
        descriptors.append(struct.pack("<qIIQ", at, len(kept), how, 0))
        packed.append(kept)
        at += len(kept)
    whole = [head.ljust(PAGE, b"\0"), sub.ljust(PAGE * sub_blocks, b"\0"), bytes(bitmap), bytes(bitmap)]
    return b"".join([*whole, *descriptors, *packed])


def flatten(data: bytes, piece: int = 3000) -> bytes:
    """makedumpfile's flattened form, the pieces from back to front."""
    head = b"makedumpfile".ljust(16, b"\0") + struct.pack(">qq", 1, 1)
    out = [head.ljust(4096, b"\0")]
    for at in reversed(range(0, len(data), piece)):
        part = data[at : at + piece]
        out.append(struct.pack(">qq", at, len(part)) + part)
    return b"".join([*out, struct.pack(">qq", -1, -1)])


def xen(blocks: Blocks, contexts: Sequence[bytes] = (), *, paravirtual: bool = False) -> bytes:
    """What `xl dump-core` writes: sections alone. Machine frames are the pfns here."""
    found = pages(blocks)
    pairs = [(n, n) if paravirtual else (n,) for n in found]
    parts = {
        b".note.Xen": note(
            b"Xen", 0x2000001, struct.pack("<4Q", 0xF00FEBEE, len(contexts), len(found), PAGE)
        ),
        b".xen_prstatus": b"".join(contexts),
        b".xen_p2m" if paravirtual else b".xen_pfn": b"".join(struct.pack(f"<{len(p)}Q", *p) for p in pairs),
        b".xen_pages": b"".join(found.values()),
    }
    names = b"\0" + b"\0".join([*parts, b".shstrtab"]) + b"\0"
    parts[b".shstrtab"] = names
    at = 64 + 64 * (len(parts) + 1)
    headers = [bytes(64)]
    for name, data in parts.items():
        kind = 3 if name == b".shstrtab" else 1
        headers.append(
            struct.pack("<IIQQQQIIQQ", names.index(name + b"\0"), kind, 0, 0, at, len(data), 0, 0, 0, 0)
        )
        at += len(data)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head = ident + struct.pack(
        "<HHIQQQIHHHHHH", 4, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, len(headers), len(parts)
    )
    return b"".join([head, *headers, *parts.values()])


def xen_context(values: Mapping[str, int | None]) -> bytes:
    """A `vcpu_guest_context_t` with some registers."""
    data = bytearray(5168)
    for index, name in enumerate(PRSTATUS_ORDER.split()[:15]):
        struct.pack_into("<Q", data, 520 + 8 * index, values.get(name) or 0)
    struct.pack_into("<Q", data, 648, values.get("rip") or 0)
    struct.pack_into("<H", data, 656, 8)
    struct.pack_into("<QQ", data, 664, values.get("eflags") or 0, values.get("rsp") or 0)
    struct.pack_into("<Q", data, 4984 + 24, values.get("cr3") or 0)
    return bytes(data)
