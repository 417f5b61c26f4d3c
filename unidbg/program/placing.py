"""Finds the bias of an image: where its link addresses are in the running guest, and by what evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

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


def place(
    image: Image,
    memory: AddressSpace,
    *,
    bias: int | None = None,
    code_addresses: Callable[[], Iterable[int]] = tuple,
) -> Module:
    """`image` as a verified module.

    A given `bias` is checked and nothing else tried. Else bias 0 is, and then the code at `code_addresses`
    (program counters of the guest, asked for only then) is looked for in the image's text. ImageMismatch when
    all fail.
    """
    if bias is not None:
        return Module(image, bias, verify(image, bias, memory), "given")
    mismatch: ImageMismatch | None = None
    linked = Module(image, 0, evidence="linked address")
    try:
        linked = linked._replace(verified=verify(image, 0, memory))
    except ImageMismatch as error:
        mismatch = error
    if linked.verified != "unverified":
        return linked
    found = _search(image, memory, code_addresses)
    if found is None and mismatch is not None:
        raise mismatch
    return found or linked


def _search(image: Image, memory: AddressSpace, code_addresses: Callable[[], Iterable[int]]) -> Module | None:
    tried: set[int] = {0}
    for pc in code_addresses():
        for bias in candidates(image, memory, pc):
            if bias in tried or len(tried) > MAX_CANDIDATES:
                continue
            tried.add(bias)
            try:
                return Module(image, bias, verify(image, bias, memory), f"code at {pc:#x}")
            except ImageMismatch:
                continue
    return None


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
