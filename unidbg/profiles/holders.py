"""The blocks of an allocator, walked header by header: who allocated what is live, and damaged headers.

docs/abi.md, "heap". Each header is held against its check word before its span is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from unidbg_symbols import types as t

from unidbg.errors import MemoryFault
from unidbg.profiles.fields import Fields
from unidbg.target.base import AddressSpace
from unidbg.views.system import CallSite

MAX_BLOCKS = 1 << 16
"""Headers that are walked: a larger heap is not for a screen."""
WINDOW = 1024
"""Bytes that are read at once: small blocks stand close together, of large ones the data is not read."""
MASK = 0xFFFF_FFFF_FFFF_FFFF


class Block(NamedTuple):
    """A block at the address of its header; `size` 0: free; `call_site` 0: not recorded."""

    address: int
    span: int
    size: int
    call_site: int


Who = Callable[[int], int]
"""Gives the call site of the block whose data is at an address, where its header has none; 0: unknown."""


def call_sites(fields: Fields, start: int, end: int, who: Who = lambda address: 0) -> tuple[CallSite, ...]:
    """Live blocks and their bytes by the call site in their headers, in the order of the first block of each.

    The walk ends at `end`, or at the first header that cannot be believed, with a fault.
    """
    counts: dict[int, tuple[int, int]] = {}
    for block in blocks(fields, start, end, who):
        if block.size and block.call_site:
            count, size = counts.get(block.call_site, (0, 0))
            counts[block.call_site] = count + 1, size + block.size
    locate = fields.program.locate_return
    return tuple(CallSite(locate(site), *of_site) for site, of_site in counts.items())


def blocks(fields: Fields, start: int, end: int, who: Who) -> Iterator[Block]:
    """All blocks that can be believed, in address order."""
    pointer = fields.value.blocks
    at: int = fields.address("blocks")
    if not at or not pointer.is_pointer_():
        return
    if not start <= at <= end:
        fields.faults.add("blocks", f"{at:#x} lies outside the heap {start:#x}-{end:#x}", at)
        return
    headers = _Headers(pointer.deref_().type_, pointer.memory_, end, fields.integer("block_check"))
    if headers.lacking:
        fields.faults.add("blocks", f"a header has no member `{headers.lacking}`", pointer.address_)
        return
    last: Block | None = None
    for number in range(MAX_BLOCKS):
        if at >= end:
            return
        found = headers.at(at)
        if isinstance(found, str):
            after = f"; the block before is {last.size} bytes at {last.address:#x}" if last else ""
            site = _named(fields, last.call_site or who(last.address + headers.size)) if last else ""
            fields.faults.add(f"blocks[{number}]", f"{found}{after}{site}", at)
            return
        yield found
        last, at = found, found.address + found.span
    fields.faults.add("blocks", f"only the first {MAX_BLOCKS} blocks are counted", at)


def _named(fields: Fields, site: int) -> str:
    """Who allocated, for those who look for an overrun."""
    if not site:
        return ""
    where = fields.program.locate_return(site)
    offset = f"+{where.offset:#x}" if where.symbol and where.offset else ""
    return f", allocated at {where.symbol or hex(site)}{offset}"


class _Headers:
    """Headers, read a window at a time; their members by the offsets that their type gives."""

    def __init__(self, type_: t.Type, memory: AddressSpace, end: int, check: int) -> None:
        self.size = type_.size or 0
        self._members = {name: _place(type_, name) for name in ("check", "span", "size", "call_site")}
        self._memory = memory
        self._end = end
        self._check = check & MASK
        self._start = 0
        self._data = b""

    @property
    def lacking(self) -> str:
        """A member that no header can do without; empty where all are there."""
        return next((name for name in ("check", "span", "size") if self._members[name] is None), "")

    def at(self, address: int) -> Block | str:
        """The block whose header is at `address`, or why it cannot be believed."""
        if self.size == 0 or address + self.size > self._end:
            return f"a header of {self.size} bytes does not fit before {self._end:#x}, the end of the blocks"
        try:
            header = self._header(address)
        except MemoryFault as fault:
            return f"the header is unreadable: {fault.reason}"
        check, span, size, site = (self._number(header, name) for name in self._members)
        right = self._check ^ address ^ span ^ size
        if check != right:
            return f"the header was overwritten: its check word is {check:#x}, not {right:#x}"
        if not self.size <= span <= self._end - address:
            return f"a block of {span} bytes does not fit before {self._end:#x}, the end of the blocks"
        if size > span - self.size:
            return f"{size} bytes do not fit a block of {span}"
        return Block(address, span, size, site)

    def _header(self, address: int) -> bytes:
        offset = address - self._start
        if not 0 <= offset <= len(self._data) - self.size:
            self._start, self._data, offset = address, self._window(address), 0
        return self._data[offset : offset + self.size]

    def _window(self, address: int) -> bytes:
        """What lies from a header on, at least it itself."""
        try:
            return self._memory.read(address, min(WINDOW, self._end - address))
        except MemoryFault:
            return self._memory.read(address, self.size)

    def _number(self, header: bytes, name: str) -> int:
        place = self._members[name]
        return 0 if place is None else int.from_bytes(header[place[0] : place[0] + place[1]], "little")


def _place(type_: t.Type, name: str) -> tuple[int, int] | None:
    """(offset, bytes) of a member; `None` where the struct has none of that name."""
    plain = t.strip(type_)
    if not isinstance(plain, t.StructType) or name not in plain:
        return None
    member = plain.member(name)
    return member.offset, member.type.size
