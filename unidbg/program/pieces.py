"""A value that a DWARF location scatters over registers, memory and constants, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from unidbg.errors import SymbolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unidbg_symbols.dwarf.expression import Piece
    from unidbg_symbols.requests import Answer, Request

MISSING = "<optimised out>"
MAX_BYTES = 4096
"""Of a value in pieces: no compiler scatters more, a damaged location may claim it."""


class Asked(Protocol):
    """Whoever knows the registers and the memory of the frame."""

    def __call__(self, request: Request) -> Answer: ...

    def register(self, number: int) -> int | None:
        """By DWARF number."""
        ...


class Whole(NamedTuple):
    """The bytes of a value, and by a set bit each which of its bits are known (lowest byte first)."""

    data: bytes
    known: int

    @property
    def nothing(self) -> bool:
        return self.known == 0

    @property
    def complete(self) -> bool:
        return self.known == (1 << 8 * len(self.data)) - 1

    def knows(self, offset: int, size: int) -> bool:
        """Whether all of `size` bytes are known."""
        bits = (1 << 8 * size) - 1
        return self.known >> 8 * offset & bits == bits


def assemble(pieces: Sequence[Piece], size: int, asked: Asked, *, little_endian: bool) -> Whole:
    """The value of `size` bytes that `pieces` make; SymbolError where a register that it needs is lost."""
    if size > MAX_BYTES:
        raise SymbolError(f"{size} bytes in pieces: the debug information is damaged")
    if len(pieces) == 1 and pieces[0].bit_size is None:
        data = _content(pieces[0], size, asked, little_endian)
        return Whole(bytes(size), 0) if data is None else Whole(data, (1 << 8 * size) - 1)
    value = known = at = 0
    for piece in pieces:
        bits = min(piece.bit_size or 0, 8 * size - at)
        width = (bits + piece.bit_offset + 7) // 8
        data = _content(piece, width, asked, little_endian)
        if data is not None:
            part = int.from_bytes(data, "little") >> piece.bit_offset
            value |= (part & ((1 << bits) - 1)) << at
            known |= ((1 << bits) - 1) << at
        at += bits
    return Whole(value.to_bytes(size, "little"), known)


def _content(piece: Piece, size: int, asked: Asked, little_endian: bool) -> bytes | None:
    """The first `size` bytes of a piece, `None` where it was optimised away."""
    from unidbg_symbols.requests import MemoryRequest

    if piece.kind == "missing":
        return None
    if piece.kind == "bytes":
        return piece.data[:size].ljust(size, b"\0")
    if piece.kind == "memory":
        answer = asked(MemoryRequest(piece.value, size))
        if not isinstance(answer, bytes) or len(answer) != size:
            raise SymbolError(f"unreadable at {piece.value:#x}")
        return answer
    number: int | None = piece.value
    if piece.kind == "register":
        number = asked.register(piece.value)
        if number is None:
            raise SymbolError("in a register that this frame does not know any more")
    number = (number or 0) & ((1 << 8 * size) - 1)
    return number.to_bytes(size, "little" if little_endian else "big")
