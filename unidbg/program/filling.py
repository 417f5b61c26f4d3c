"""What a core of Linux leaves out: the parts of the image that the process never changed.

They are read from the image's file, as gdb does; the image must have been recognised by its build-id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from unidbg.errors import SymbolError
from unidbg.program.module import PT_LOAD, Module
from unidbg.target.base import Target
from unidbg.target.dump.space import Filler

PF_W = 2


def fill(target: Target, modules: Sequence[Module]) -> None:
    """Fill the holes of a dump that has such holes; nothing is done to any other target."""
    take = getattr(target, "fill", None)
    if take is not None:
        take([one for module in modules if module.verified == "build-id" for one in _fillers(module)])


def _fillers(module: Module) -> Iterator[Filler]:
    """The segments that nobody writes to."""
    for segment in module.image.segments:
        if segment.p_type == PT_LOAD and not segment.flags & PF_W and segment.filesz:
            start = module.run_address(segment.vaddr)
            yield Filler(start, start + segment.filesz, partial(_read, module))


def _read(module: Module, address: int, length: int) -> bytes:
    try:
        return bytes(module.image.read(module.link_address(address), length))
    except SymbolError:
        return b""
