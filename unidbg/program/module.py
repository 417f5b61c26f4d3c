"""A module: an image at a bias. Names and lines of run addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from unidbg.errors import SymbolError
from unidbg.views.base import Address, ImageIdentity, Location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unidbg_symbols import Image
    from unidbg_symbols.dwarf.functions import CodeFrame
    from unidbg_symbols.dwarf.lines import SourceLine

MASK = 0xFFFF_FFFF_FFFF_FFFF


class Module(NamedTuple):
    """`image` runs at link address + `bias`.

    `verified` is `build-id`, `text` or `unverified`; `evidence` says how the bias was found.
    """

    image: Image
    bias: int = 0
    verified: str = "unverified"
    evidence: str = ""

    def run_address(self, link: int) -> int:
        """Where a link-time address is in the guest."""
        return (link + self.bias) & MASK

    def link_address(self, run: int) -> int:
        """The link-time address of what runs at `run`."""
        return (run - self.bias) & MASK

    def contains(self, run: int) -> bool:
        """Whether a loadable segment covers the run address."""
        link = self.link_address(run)
        return any(s.vaddr <= link < s.vaddr + s.memsz for s in self.image.segments if s.p_type == PT_LOAD)

    def locate(self, run: int) -> Location:
        """Symbol, offset and source line of a run address, as far as the image knows them."""
        link = self.link_address(run)
        symbol = self.image.symbol_at(link)
        line = self._line(link)
        return Location(
            address=Address(run),
            symbol=symbol.readable if symbol else None,
            offset=link - symbol.address if symbol else 0,
            file=line.file if line else None,
            line=line.line if line else None,
        )

    def _line(self, link: int) -> SourceLine | None:
        """The source line, only of code; damaged line tables tell none."""
        try:
            return self.image.line_at(link) if self.in_text(link) else None
        except SymbolError:
            return None

    def frames(self, run: int) -> Sequence[CodeFrame]:
        """The functions at a run address, inlined ones first; none where debug information is damaged."""
        try:
            return self.image.frames_at(self.link_address(run))
        except SymbolError:
            return ()

    def in_text(self, link: int) -> bool:
        """Whether a link address lies in executable code: only there are lines to be had."""
        return any(start <= link < end for start, end in self.image.text_ranges)

    def linked(self, run: int, length: int) -> bytes:
        """What the file has at a run address; empty where it has nothing."""
        try:
            return self.image.read(self.link_address(run), length)
        except SymbolError:
            return b""

    def code_before(self, run: int, length: int) -> bytes:
        """At most `length` bytes of code, as linked, in front of a run address."""
        link = self.link_address(run)
        start = next((low for low, high in self.image.text_ranges if low < link <= high), link)
        length = min(length, link - start)
        return self.linked(run - length, length) if length else b""

    def identity(self) -> ImageIdentity:
        """What a view's provenance says of this module."""
        build_id = self.image.build_id
        return ImageIdentity(self.image.path, build_id.hex() if build_id else "", self.bias, self.verified)


PT_LOAD = 1
