"""Finds the bias of an image: where its link addresses are in the running guest, and by what evidence.

What the guest's own stub says comes first. That the image lies where it was linked is not enough: a guest
that moved itself may have left its physical copy mapped there. So its threads have to be in it too, or else
it is looked for where they are, and where the page tables map its physical addresses for execution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from unidbg.errors import ImageMismatch, SymbolError
from unidbg.program.identity import BREAKPOINTS, alike, verify
from unidbg.program.module import MASK, Module

if TYPE_CHECKING:
    from unidbg_symbols import Image

    from unidbg.target.base import AddressSpace

PAGE = 4096
PROBE_BYTES = 48
"""Code bytes compared at each page for a candidate; the full check follows."""
MAX_CANDIDATES = 8
MAX_TEXT_PAGES = 1 << 16


class Clues(NamedTuple):
    """What can be asked about where an image runs; nothing is asked before it is needed."""

    counters: Callable[[], Iterable[int]] = tuple
    """Program counters of the guest's threads."""
    told: Callable[[], int | None] = lambda: None
    """The bias as the guest's own stub tells it, or a dump of ours."""
    mapped: Callable[[Image], Iterable[tuple[int, str]]] = lambda image: ()
    """(bias, evidence) by the page tables, or by a search of the memory."""


NO_CLUES = Clues()


def place(
    image: Image,
    memory: AddressSpace,
    *,
    bias: int | None = None,
    clues: Clues = NO_CLUES,
) -> Module:
    """`image` as a verified module.

    A given `bias` is checked and nothing else tried; else what `clues` lead to is. ImageMismatch when all
    fail.
    """
    if bias is not None:
        return Module(image, bias, verify(image, bias, memory), "given")
    told = clues.told()
    if told and (found := _verified(image, memory, told, "what the target says")):
        return found
    mismatch: ImageMismatch | None = None
    linked = Module(image, 0, evidence="linked address")
    try:
        linked = linked._replace(verified=verify(image, 0, memory))
    except ImageMismatch as error:
        mismatch = error
    if linked.verified != "unverified" and _runs_in(linked, clues):
        return linked
    found = _search(image, memory, clues)
    if found is None and mismatch is not None:
        raise mismatch
    return found or linked


def _runs_in(module: Module, clues: Clues) -> bool:
    """Whether a thread is in the module; so it is taken to be where nobody tells where they are."""
    counters = list(clues.counters())
    return not counters or any(module.contains(pc) for pc in counters)


def _search(image: Image, memory: AddressSpace, clues: Clues) -> Module | None:
    """Where the threads are, else where the page tables say."""
    tried: set[int] = {0}
    for bias, evidence in _places(image, memory, clues):
        if bias in tried or len(tried) > MAX_CANDIDATES:
            continue
        tried.add(bias)
        if found := _verified(image, memory, bias, evidence):
            return found
    return None


def _places(image: Image, memory: AddressSpace, clues: Clues) -> Iterator[tuple[int, str]]:
    for pc in clues.counters():
        yield from ((bias, f"code at {pc:#x}") for bias in candidates(image, memory, pc))
    yield from clues.mapped(image)


def _verified(image: Image, memory: AddressSpace, bias: int, evidence: str) -> Module | None:
    """The module at `bias`, `None` where something else is there, or nothing."""
    try:
        found = Module(image, bias, verify(image, bias, memory), evidence)
    except ImageMismatch:
        return None
    return found if found.verified != "unverified" else None


def candidates(image: Image, memory: AddressSpace, pc: int) -> Iterator[int]:
    """Biases (multiples of a page) at which the image's text agrees with the guest's code around `pc`."""
    start = max(pc - PROBE_BYTES // 2, pc & ~(PAGE - 1))
    (code,) = memory.read_many([(start, PROBE_BYTES)])
    if code is None or len(set(code)) < 8:
        return
    breakpoint_ = BREAKPOINTS.get(image.machine, b"")
    for page in _text_pages(image):
        link = page + start % PAGE
        ours = _read(image, link)
        if len(ours) == len(code) and alike(ours, code, breakpoint_):
            yield _signed(start - link)


def _text_pages(image: Image) -> Iterator[int]:
    left = MAX_TEXT_PAGES
    for start, end in image.text_ranges:
        for page in range(start & ~(PAGE - 1), end, PAGE):
            left -= 1
            if left < 0:
                return
            yield page


def _read(image: Image, link: int) -> bytes:
    try:
        return bytes(image.read(link, PROBE_BYTES))
    except SymbolError:
        return b""


def _signed(bias: int) -> int:
    """The bias as a signed 64-bit number, so that a guest moved down reads as one."""
    bias &= MASK
    return bias - (1 << 64) if bias >> 63 and bias > MASK - (1 << 46) else bias
