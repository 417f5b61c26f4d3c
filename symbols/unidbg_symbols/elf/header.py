"""ELF headers: identification, program headers, section headers.

Source: System V ABI, chapters 4 and 5; `e_machine` numbers from the psABI registries.
"""

from __future__ import annotations

from struct import Struct

from unidbg_symbols.errors import ImageError
from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

PT_LOAD = 1
PT_NOTE = 4
PF_X, PF_W, PF_R = 1, 2, 4
SHT_SYMTAB, SHT_RELA, SHT_NOTE, SHT_NOBITS, SHT_REL, SHT_DYNSYM = 2, 4, 7, 8, 9, 11
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_COMPRESSED = 1, 2, 4, 0x800
_PN_XNUM = 0xFFFF
_SHN_XINDEX = 0xFFFF
_MACHINES = {
    2: "sparc",
    3: "i386",
    8: "mips",
    20: "ppc",
    21: "ppc64",
    22: "s390x",
    40: "arm",
    43: "sparc64",
    62: "x86_64",
    183: "aarch64",
    243: "riscv",
    258: "loongarch",
}
_TYPES = {0: "none", 1: "rel", 2: "exec", 3: "dyn", 4: "core"}


class Segment(Record):
    """A program header. Addresses and sizes in bytes; `flags`: 1 execute, 2 write, 4 read."""

    __slots__ = ("p_type", "vaddr", "paddr", "offset", "filesz", "memsz", "flags", "align")

    def __init__(
        self,
        p_type: int,
        vaddr: int,
        paddr: int,
        offset: int,
        filesz: int,
        memsz: int,
        flags: int,
        align: int,
    ) -> None:
        self.p_type: Final = p_type
        self.vaddr: Final = vaddr
        self.paddr: Final = paddr
        self.offset: Final = offset
        self.filesz: Final = filesz
        self.memsz: Final = memsz
        self.flags: Final = flags
        self.align: Final = align


class Section(Record):
    """A section header. `type` is the SHT_ number, `flags` the SHF_ bits, `size` bytes as in the file."""

    __slots__ = (
        "index",
        "name",
        "type",
        "flags",
        "addr",
        "offset",
        "size",
        "link",
        "info",
        "align",
        "entsize",
    )

    def __init__(
        self,
        index: int,
        name: str,
        type: int,
        flags: int,
        addr: int,
        offset: int,
        size: int,
        link: int,
        info: int,
        align: int,
        entsize: int,
    ) -> None:
        self.index: Final = index
        self.name: Final = name
        self.type: Final = type
        self.flags: Final = flags
        self.addr: Final = addr
        self.offset: Final = offset
        self.size: Final = size
        self.link: Final = link
        self.info: Final = info
        self.align: Final = align
        self.entsize: Final = entsize


class Header(Record):
    """What the first 64 bytes say. `order` is the byte order as `struct` spells it."""

    __slots__ = (
        "bits", "order", "elf_type", "machine", "entry",
        "phoff", "phentsize", "phnum", "shoff", "shentsize", "shnum", "shstrndx",
    )  # fmt: skip

    def __init__(self, bits: int, order: str, fields: tuple[int, ...]) -> None:
        e_type, e_machine, _, entry, phoff, shoff, _, _, phentsize, phnum, shentsize, shnum, strndx = fields
        self.bits: Final = bits
        self.order: Final = order
        self.elf_type: Final = _TYPES.get(e_type, f"type {e_type}")
        self.machine: Final = _machine_name(e_machine, bits)
        self.entry: Final = entry
        self.phoff: Final = phoff
        self.phentsize: Final = phentsize
        self.phnum: Final = phnum
        self.shoff: Final = shoff
        self.shentsize: Final = shentsize
        self.shnum: Final = shnum
        self.shstrndx: Final = strndx


def _machine_name(number: int, bits: int) -> str:
    name = _MACHINES.get(number, f"machine {number}")
    return f"riscv{bits}" if name == "riscv" else name


def parse_header(data: bytes, path: str) -> Header:
    """The ELF header from the first 64 bytes of a file."""
    if data[:4] != b"\x7fELF":
        raise ImageError(f"{path}: not an ELF file; give the unstripped image of the guest", path=path)
    bits = {1: 32, 2: 64}.get(data[4] if len(data) > 5 else 0)
    order = {1: "<", 2: ">"}.get(data[5] if len(data) > 5 else 0)
    if bits is None or order is None:
        raise ImageError(f"{path}: an ELF file of an unknown class or byte order", path=path)
    layout = Struct(order + ("HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH"))
    if len(data) < 16 + layout.size:
        raise ImageError(f"{path}: the ELF header is cut off; the file is truncated", path=path)
    return Header(bits, order, layout.unpack_from(data, 16))


def segment_layout(header: Header) -> Struct:
    """The layout of a program header entry."""
    return Struct(header.order + ("IIQQQQQQ" if header.bits == 64 else "IIIIIIII"))


def section_layout(header: Header) -> Struct:
    """The layout of a section header entry."""
    return Struct(header.order + ("IIQQQQIIQQ" if header.bits == 64 else "IIIIIIIIII"))


def parse_segment(header: Header, fields: tuple[int, ...]) -> Segment:
    """A program header; ELF32 has its flags after the sizes."""
    if header.bits == 64:
        p_type, flags, offset, vaddr, paddr, filesz, memsz, align = fields
    else:
        p_type, offset, vaddr, paddr, filesz, memsz, flags, align = fields
    return Segment(p_type, vaddr, paddr, offset, filesz, memsz, flags, align)


def parse_section(index: int, names: bytes, fields: tuple[int, ...]) -> Section:
    """A section header; a name outside of the string table is empty."""
    name, *rest = fields
    end = names.find(b"\0", name)
    text = names[name:end].decode("utf-8", "backslashreplace") if end >= 0 else ""
    type_, flags, addr, offset, size, link, info, align, entsize = rest
    return Section(index, text, type_, flags, addr, offset, size, link, info, align, entsize)


def real_counts(header: Header, first: tuple[int, ...] | None) -> tuple[int, int, int]:
    """(program headers, sections, index of the name table); section 0 has those that overflow 16 bits."""
    phnum, shnum, strndx = header.phnum, header.shnum, header.shstrndx
    if first is not None:
        phnum = first[7] if phnum == _PN_XNUM else phnum
        shnum = shnum or first[5]
        strndx = first[6] if strndx == _SHN_XINDEX else strndx
    return phnum, shnum, strndx
