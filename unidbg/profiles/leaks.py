"""Leaks: live blocks of the heap to which no pointer leads any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unidbg_symbols import types as t

from unidbg.errors import SymbolError
from unidbg.profiles.areas import live_areas, pieces, register_values
from unidbg.profiles.base import Context
from unidbg.profiles.blocks import Heap, by_size_and_site, note_damage, read_heap
from unidbg.structures.faults import Faults
from unidbg.views.base import Absent, Address, Range
from unidbg.views.forensics import LeakGroup, LeakRoot, LeaksView

if TYPE_CHECKING:
    from unidbg.structures.reach import Flags, Indexes, Spans, Words

CHUNK = 8 << 20
"""Bytes of roots that are read at a time."""


def leaks(context: Context) -> LeaksView | Absent:
    """The leaked blocks by size, type and call site, the most bytes first."""
    import numpy as np

    from unidbg.structures.reach import Spans

    faults = Faults()
    heap = read_heap(context, faults, "leaks")
    if isinstance(heap, Absent):
        return heap
    note_damage(context, heap, faults)
    live = np.flatnonzero(heap.blocks.sizes > 0)
    starts = _addresses(heap, live)
    spans = Spans(starts, starts + heap.blocks.sizes[live])
    roots, seeds = _roots(context, spans, faults) if len(live) else ([], [])
    marked = _mark(heap, live, spans, seeds)
    sizes = heap.blocks.sizes[live]
    return LeaksView(
        provenance=context.provenance,
        faults=faults.all(),
        leaked=int((~marked).sum()),
        leaked_bytes=int(sizes[~marked].sum()),
        reachable=int(marked.sum()),
        reachable_bytes=int(sizes[marked].sum()),
        groups=tuple(_group(context, heap, m) for m in by_size_and_site(heap.blocks, live[~marked])),
        roots=tuple(roots),
        tracker=heap.tracker,
    )


def _addresses(heap: Heap, index: Indexes) -> Words:
    import numpy as np

    base = np.uint64(heap.start + heap.blocks.layout.size)
    return heap.blocks.offsets[index].astype(np.uint64) + base


def _roots(context: Context, spans: Spans, faults: Faults) -> tuple[list[LeakRoot], list[Indexes]]:
    """Where the search begins, and the blocks that are pointed to from there."""
    from unidbg.structures.reach import pointers

    values = register_values(context)
    words = b"".join((value & (1 << 64) - 1).to_bytes(8, "little") for value in values)
    roots, seeds = [LeakRoot("registers", None, len(words))], [pointers(words, spans).to]
    for area in live_areas(context):
        count = 0
        aligned = area._replace(start=(area.start + 7) & ~7)
        for piece in pieces(context, aligned, CHUNK, 0, faults):
            count += len(piece.data)
            seeds.append(pointers(piece.data, spans).to)
        roots.append(LeakRoot(area.name, Range(Address(area.start), Address(area.end)), count))
    return roots, seeds


def _mark(heap: Heap, live: Indexes, spans: Spans, seeds: list[Indexes]) -> Flags:
    """Which of the live blocks are reached. Words in headers and in free blocks keep nothing."""
    import numpy as np

    from unidbg.structures.reach import pointers, reachable

    inside = pointers(heap.data, spans)
    at = np.uint64(heap.start) + inside.at.astype(np.uint64) * np.uint64(8)
    owner = np.searchsorted(spans.starts, at, side="right") - 1
    owned = (owner >= 0) & (at < spans.ends[owner]) if len(live) else owner >= 0
    return reachable(len(live), seeds, owner[owned], inside.to[owned])


def _group(context: Context, heap: Heap, members: Indexes) -> LeakGroup:
    """Blocks of one size and call site."""
    table = heap.blocks
    size, site = int(table.sizes[members[0]]), int(table.call_sites[members[0]])
    oldest = members[int(table.serials[members].argmin())]
    return LeakGroup(
        size_bytes=size,
        type=guess_type(context, site, size) if site else "",
        call_site=context.program.locate_return(site) if site else None,
        count=len(members),
        bytes=size * len(members),
        witness=Address(heap.start + int(table.offsets[oldest]) + table.layout.size),
    )


def guess_type(context: Context, site: int, size: int) -> str:
    """The struct of `size` bytes to which the function at a call site has a pointer, where there is just
    one.
    """
    module = context.program.module_at(site)
    if module is None:
        return ""
    try:
        scopes = module.image.locals_at(module.link_address(site) - 1)
        pointed = {_pointed(variable.type, size) for scope in scopes for variable in scope}
    except SymbolError:
        return ""
    pointed.discard("")
    return pointed.pop() if len(pointed) == 1 else ""


def _pointed(type_: t.Type, size: int) -> str:
    plain = t.strip(type_)
    target = t.strip(plain.target) if isinstance(plain, t.PointerType) else None
    return target.name if isinstance(target, t.StructType) and target.size == size else ""
