"""The blocks of the heap, from the members `blocks` and `block_check` of a probe of kind `heap`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from unidbg_symbols import types as t

from unidbg.errors import MemoryFault, SymbolError
from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.profiles.roots import find_root
from unidbg.profiles.tracker import find_tracker, recorded
from unidbg.structures.faults import Faults
from unidbg.views.base import Absent, Address
from unidbg.views.forensics import Block, BlockGroup, BlocksView
from unidbg.views.system import Tracker

if TYPE_CHECKING:
    from unidbg.structures.blocks import Blocks
    from unidbg.structures.reach import Indexes

MAX_HEAP_BYTES = 1 << 36
MAX_GROUPS = 1000
DEFAULT_LIMIT = 10_000
"""Blocks that a view lists: there may be millions."""


class Heap(NamedTuple):
    """A heap that was walked: its memory from the first header on, its blocks, and where it ends."""

    data: bytes | memoryview
    blocks: Blocks
    start: int
    end: int
    tracker: Tracker | None = None


def blocks(context: Context, limit: int = DEFAULT_LIMIT) -> BlocksView | Absent:
    """All blocks, of which `limit` are listed."""
    faults = Faults()
    heap = read_heap(context, faults, "heap")
    if isinstance(heap, Absent):
        return heap
    note_damage(context, heap, faults)
    table = heap.blocks
    used = table.sizes > 0
    header = table.layout.size
    free_bytes = int((table.spans[~used]).sum()) - header * int((~used).sum())
    return BlocksView(
        provenance=context.provenance,
        faults=faults.all(),
        start=Address(heap.start),
        end=Address(heap.end),
        header_bytes=header,
        used=int(used.sum()),
        used_bytes=int(table.sizes.sum()),
        free=int((~used).sum()),
        free_bytes=free_bytes,
        damaged=len(table.damage),
        unknown_bytes=sum(broken.resumed - broken.offset for broken in table.damage),
        groups=tuple(groups(context, table)),
        blocks=tuple(block_at(context, table, index) for index in range(min(limit, len(table.offsets)))),
        tracker=heap.tracker,
    )


def groups(context: Context, table: Blocks) -> Iterator[BlockGroup]:
    """Live blocks by size and call site, the most bytes first."""
    import numpy as np

    used = np.flatnonzero(table.sizes > 0)
    for members in by_size_and_site(table, used):
        size, site = int(table.sizes[members[0]]), int(table.call_sites[members[0]])
        location = context.program.locate_return(site) if site else None
        yield BlockGroup(size, location, len(members), size * len(members))


def by_size_and_site(table: Blocks, index: Indexes) -> Iterator[Indexes]:
    """The blocks `index` in groups of one size and call site, the most bytes first, `MAX_GROUPS` at most."""
    import numpy as np

    sizes, sites = table.sizes[index], table.call_sites[index]
    order = np.lexsort((sites, sizes))
    if len(order) == 0:
        return
    changes = (np.diff(sizes[order]) != 0) | (np.diff(sites[order]) != 0)
    made = np.split(index[order], np.flatnonzero(changes) + 1)
    made.sort(key=lambda members: -int(table.sizes[members[0]]) * len(members))
    yield from made[:MAX_GROUPS]


def block_at(context: Context, table: Blocks, index: int) -> Block:
    """One block as a view shows it."""
    site, size = int(table.call_sites[index]), int(table.sizes[index])
    return Block(
        address=Address(table.start + int(table.offsets[index]) + table.layout.size),
        state="used" if size else "free",
        size_bytes=size,
        span_bytes=int(table.spans[index]),
        call_site=context.program.locate_return(site) if site else None,
    )


def read_heap(context: Context, faults: Faults, view: str) -> Heap | Absent:
    """Walk the heap; `Absent` for view `view` where its allocator does not tell of blocks."""
    from unidbg.structures.blocks import header_layout, walk

    root = find_root(context, "heap", faults)
    if isinstance(root, Absent):
        return root
    if root is None or not root.is_struct_() or not root.has_("blocks"):
        return _untold(context, view)
    fields = Fields(context.program, root, faults)
    start, end, key = fields.address("blocks"), fields.address("current"), fields.integer("block_check")
    header = t.strip(root.member_("blocks").type_)
    struct = t.strip(header.target) if isinstance(header, t.PointerType) else None
    if start == 0 or not isinstance(struct, t.StructType):
        return _untold(context, view)
    if not 0 <= end - start <= MAX_HEAP_BYTES:
        return context.absent(
            view,
            f"the heap is said to reach from {start:#x} to {end:#x}",
            "look at `unidbg heap`: the allocator's own structure is damaged",
        )
    try:
        layout = header_layout(struct)
        data = context.program.look(start, end - start) if end > start else b""
    except (SymbolError, MemoryFault) as error:
        return context.absent(view, f"its blocks cannot be read: {error}", "look at `unidbg heap`")
    if len(data) < end - start:
        faults.add("end", f"the heap is unreadable from {start + len(data):#x} on", start + len(data))
    return _with_sites(context, Heap(data, walk(data, start, layout, key), start, end), faults)


def _with_sites(context: Context, heap: Heap, faults: Faults) -> Heap:
    """The heap with the call sites that a tracker has of its live blocks."""
    import numpy as np

    from unidbg.structures.tracker import sites_of

    tracked = find_tracker(context, faults)
    found = recorded(tracked) if tracked is not None else None
    if tracked is None or found is None:
        return heap
    table = heap.blocks
    addresses = table.offsets.astype(np.uint64) + np.uint64(heap.start + table.layout.size)
    sites = np.where(table.sizes > 0, sites_of(found, addresses), np.uint64(0))
    told = np.where(table.call_sites != 0, table.call_sites, sites)
    return heap._replace(blocks=table._replace(call_sites=told), tracker=tracked.numbers)


def note_damage(context: Context, heap: Heap, faults: Faults) -> None:
    """Each broken link as a fault: the header, the block before it, and who that belongs to."""
    for number, broken in enumerate(heap.blocks.damage):
        at = heap.start + broken.offset
        text = f"the header at {at:#x} is broken: {broken.reason}"
        if broken.before >= 0:
            text += f"; before it lies {_before(context, heap.blocks, broken.before)}"
        faults.add(f"damage[{number}]", text, at)


def _before(context: Context, table: Blocks, offset: int) -> str:
    import numpy as np

    found = block_at(context, table, int(np.searchsorted(table.offsets, offset)))
    where = found.call_site
    by = f", allocated at {where.symbol or hex(where.address)}" if where is not None else ""
    return f"the {found.state} block {found.address:#x} of {found.size_bytes} bytes{by}"


def _untold(context: Context, view: str) -> Absent:
    return context.absent(
        view,
        "the guest's allocator does not tell of its blocks",
        "give its probe of kind `heap` the members `blocks` and `block_check` (docs/abi.md)",
    )
