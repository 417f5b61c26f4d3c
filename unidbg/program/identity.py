"""Is this the image that runs in the guest? Asked of each module before anything is decoded with it.

By build-id where the note lies in loaded memory, else by comparing samples of the text. Breakpoints that a
debugger inserted are no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unidbg.errors import ImageMismatch, SymbolError
from unidbg.program.module import PT_LOAD

if TYPE_CHECKING:
    from unidbg_symbols import Image

    from unidbg.target.base import AddressSpace

NT_GNU_BUILD_ID = 3
SAMPLES = 16
SAMPLE_BYTES = 256
TOLERATED = 6
"""Bytes of a sample that may differ: breakpoints, and calls that a kernel patches at boot."""
EXACT = 0.75
"""Share of the samples that must not differ at all where the image runs at its linked address."""
BREAKPOINTS = {"x86_64": b"\xcc", "i386": b"\xcc", "aarch64": b"\x00\x00\x20\xd4"}


def verify(image: Image, bias: int, memory: AddressSpace) -> str:
    """`build-id`, `text` or `unverified` (nothing to compare with); ImageMismatch when it is another."""
    verdict = check_build_id(image, bias, memory)
    if verdict is not None:
        return verdict
    samples = text_samples(image)
    if not samples:
        return "unverified"
    found = memory.read_many([((address + bias) & _MASK, len(data)) for address, data in samples])
    pairs = [(ours, theirs) for (_, ours), theirs in zip(samples, found, strict=True) if theirs is not None]
    if not pairs:
        return "unverified"
    _require_same(image, bias, pairs)
    return "text"


def check_build_id(image: Image, bias: int, memory: AddressSpace) -> str | None:
    """`build-id` when the note in memory is the image's, `None` when it cannot be looked at."""
    note = _build_id_note(image)
    if note is None:
        return None
    address, ours = note
    (theirs,) = memory.read_many([((address + bias - _HEADER) & _MASK, len(ours) + _HEADER)])
    if theirs is None:
        return None
    if theirs[_HEADER:] == ours and theirs[_HEADER - 4 : _HEADER] == b"GNU\0":
        return "build-id"
    if theirs[_HEADER - 4 : _HEADER] != b"GNU\0":
        return None
    raise _mismatch(image, ours.hex(), theirs[_HEADER:].hex())


_HEADER = 16
"""Bytes before the id: namesz, descsz, type and the owner `GNU`."""
_MASK = 0xFFFF_FFFF_FFFF_FFFF


def _build_id_note(image: Image) -> tuple[int, bytes] | None:
    for note in image.notes():
        if (
            note.owner == "GNU"
            and note.type == NT_GNU_BUILD_ID
            and note.desc
            and _loaded(image, note.address)
        ):
            return note.address, bytes(note.desc)
    return None


def _loaded(image: Image, address: int) -> bool:
    return bool(address) and any(
        s.p_type == PT_LOAD and s.vaddr <= address < s.vaddr + s.filesz for s in image.segments
    )


def text_samples(image: Image, count: int = SAMPLES, size: int = SAMPLE_BYTES) -> list[tuple[int, bytes]]:
    """(link address, bytes) spread evenly over the image's code."""
    ranges = [(start, end) for start, end in image.text_ranges if end > start]
    total = sum(end - start for start, end in ranges)
    samples = []
    for number in range(min(count, max(total // size, 1)) if total else 0):
        at = _place(ranges, number * total // count)
        if at is not None:
            start, room = at
            data = _link_bytes(image, start, min(size, room))
            if data:
                samples.append((start, data))
    return samples


def _place(ranges: Sequence[tuple[int, int]], offset: int) -> tuple[int, int] | None:
    """(address, bytes to the range's end) of the byte `offset` into the concatenated ranges."""
    for start, end in ranges:
        if offset < end - start:
            return start + offset, end - start - offset
        offset -= end - start
    return None


def _link_bytes(image: Image, address: int, size: int) -> bytes:
    try:
        return bytes(image.read(address, size))
    except SymbolError:
        return b""


def _require_same(image: Image, bias: int, pairs: Sequence[tuple[bytes, bytes]]) -> None:
    breakpoint_ = BREAKPOINTS.get(image.machine, b"")
    same = sum(1 for ours, theirs in pairs if alike(ours, theirs, breakpoint_))
    exact = sum(1 for ours, theirs in pairs if alike(ours, theirs, breakpoint_, 0))
    # A relocated image differs by a few bytes everywhere, one that runs where it was linked where patched.
    if same == len(pairs) and (bias or exact >= EXACT * len(pairs)):
        return
    same = same if bias else exact
    if not any(any(theirs) for _, theirs in pairs):
        found = "nothing but zeros (not loaded yet, or running elsewhere: --image FILE@BIAS)"
    else:
        found = f"code that agrees with the image in {same} of {len(pairs)} samples"
    build_id = image.build_id
    raise _mismatch(image, f"text of build {build_id.hex()}" if build_id else "its own text", found, bias)


def alike(ours: bytes, theirs: bytes, breakpoint_: bytes = b"\xcc", tolerated: int = TOLERATED) -> bool:
    """Equal but for breakpoints and at most `tolerated` other bytes (fewer in a short sample)."""
    if ours == theirs:
        return True
    differing = 0
    for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a != b and not _in_breakpoint(theirs, index, breakpoint_):
            differing += 1
    return differing <= min(tolerated, len(ours) // 16)


def _in_breakpoint(theirs: bytes, index: int, breakpoint_: bytes) -> bool:
    if not breakpoint_:
        return False
    start = index - index % len(breakpoint_)
    return theirs[start : start + len(breakpoint_)] == breakpoint_


def _mismatch(image: Image, expected: str, found: str, bias: int = 0) -> ImageMismatch:
    at = f" at bias {bias:#x}" if bias else ""
    message = (
        f"{image.path} is not the image that runs in the guest{at}: the image has {expected}, the guest has "
        f"{found}; give the unstripped image of the running build with --image FILE, or start the guest anew"
    )
    return ImageMismatch(message, path=image.path, expected=expected, found=found)
