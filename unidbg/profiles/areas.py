"""The parts of guest memory that hold live data: statics, stacks, pages in use, the heap.

What lies below the stack pointer, in free pages and behind the heap is stale, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from unidbg.errors import MemoryFault, TargetError
from unidbg.profiles.base import Context
from unidbg.profiles.memory import PAGE, PF_W
from unidbg.profiles.probe import decode
from unidbg.profiles.roots import find_root
from unidbg.program.module import PT_LOAD
from unidbg.structures.faults import Faults
from unidbg.views.base import Absent, Range
from unidbg.views.system import BootView, HeapView, MemoryView

RED_ZONE = 128
"""Bytes below the stack pointer that a leaf function may use."""
MAX_HOLES = 64
"""Unreadable places of one area after which the rest is left out."""
STACK_POINTERS = ("rsp", "sp", "esp")


class Area(NamedTuple):
    """A run of live memory. `name` is `data`, `stack`, `heap`, `pages` or a kind of region."""

    name: str
    start: int
    end: int


class Piece(NamedTuple):
    """Bytes of an area from `start` on, of which `new` were not in the piece before."""

    start: int
    data: bytes
    new: int


def register_values(context: Context) -> list[int]:
    """All registers of all threads that the target can tell."""
    program = context.program
    found: list[int] = []
    for info in program.target.threads():
        try:
            found += [value for value in program.registers(info.id).values() if value]
        except TargetError:
            continue
    return found


def live_areas(context: Context) -> list[Area]:
    """Statics, stacks (from the stack pointer up) and pages in use, without the heap; sorted, disjoint."""
    context = context._replace(detail="brief")
    layout = decode(context, "memory")
    stack = layout.stack if isinstance(layout, MemoryView) else None
    data = layout.data if isinstance(layout, MemoryView) else None
    found: list[Area] = []
    guards = layout.guards if isinstance(layout, MemoryView) else ()
    cuts: list[tuple[int, int]] = [(guard.start, guard.end) for guard in guards]
    if stack is not None:
        found.append(Area("stack", _top(context, stack), stack.end))
        cuts.append((stack.start, stack.end))
    for part in ([(data.start, data.end)] if data is not None else []) + _statics(context):
        found += [
            Area("data", start, end) for start, end in _without(part, [*cuts, *_ram_within(context, part)])
        ]
        cuts.append(part)
    heap = decode(context, "heap")
    if isinstance(heap, HeapView):
        cuts.append((heap.start, heap.current))
        found += _pages(context, heap, cuts)
    return sorted(found, key=lambda area: area.start)


def _statics(context: Context) -> list[tuple[int, int]]:
    """The writable segments of all images."""
    return [
        (module.run_address(segment.vaddr), module.run_address(segment.vaddr + segment.memsz))
        for module in context.program.modules
        for segment in module.image.segments
        if segment.p_type == PT_LOAD and segment.flags & PF_W and segment.memsz
    ]


def _ram_within(context: Context, part: tuple[int, int]) -> list[tuple[int, int]]:
    """The memory of a guest that is a process: part of its image, but what of it is live others tell."""
    boot = decode(context, "boot")
    entries = boot.memory_map if isinstance(boot, BootView) else ()
    ranges = [(entry.start, entry.start + entry.length_bytes) for entry in entries if entry.type == "usable"]
    return [(start, end) for start, end in ranges if part[0] < start < end <= part[1]]


def _top(context: Context, stack: Range) -> int:
    """The lowest live byte of a stack: below the lowest stack pointer in it lies what is over."""
    program, tops = context.program, []
    for info in program.target.threads():
        try:
            values = program.registers(info.id)
        except TargetError:
            continue
        tops += [values[name] or 0 for name in STACK_POINTERS if name in values]
    inside = [top for top in tops if stack.start <= top < stack.end]
    return max(stack.start, min(inside) - RED_ZONE) & ~7 if inside else stack.start


def _pages(context: Context, heap: HeapView, cuts: list[tuple[int, int]]) -> list[Area]:
    """Runs of pages that the bitmap says are in use."""
    root, pages = find_root(context, "heap", Faults()), heap.pages
    if pages is None or root is None or isinstance(root, Absent) or not 0 < pages.total <= 1 << 24:
        return []
    try:
        bitmap = root.member_("page_bitmap")
        at = bitmap.int_() if bitmap.is_pointer_() else bitmap.address_ or 0
        bits = context.program.read(at, (pages.total + 7) // 8)
    except MemoryFault:
        return []
    runs = _runs(bits, pages.total)
    size, base = pages.page_size_bytes, pages.base
    ranges = [(base + first * size, base + last * size) for first, last in runs]
    return [Area("pages", start, end) for r in ranges for start, end in _without(r, cuts)]


def _runs(bits: bytes, total: int) -> list[tuple[int, int]]:
    """(first, one past the last) of each run of set bits."""
    import numpy as np

    flags = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")[:total].astype(np.int8)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags, [0]])))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def _without(whole: tuple[int, int], cuts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of a range."""
    left = [whole]
    for cut_start, cut_end in cuts:
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, cut_start)), (max(start, cut_end), end))
            if piece[0] < piece[1]
        ]
    return left


def pieces(context: Context, area: Area, chunk: int, overlap: int, faults: Faults) -> Iterator[Piece]:
    """The area in chunks, each reaching `overlap` bytes into the next; what is unreadable is left out, page
    by page, and said.
    """
    at, holes = area.start, 0
    while at < area.end and holes < MAX_HOLES:
        wanted = min(chunk, area.end - at)
        try:
            data = context.program.read_upto(at, min(wanted + overlap, area.end - at))
        except MemoryFault:
            data = b""
        if data:
            yield Piece(at, data, min(wanted, len(data)))
        if len(data) < wanted:
            bad = at + len(data)
            faults.add("searched", f"{area.name} is unreadable at {bad:#x}", bad)
            holes, at = holes + 1, (bad | PAGE - 1) + 1
        else:
            at += wanted
