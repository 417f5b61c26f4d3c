"""The memory view: the layout as a probe of kind `memory` tells it, and the page tables as they are."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.profiles.roots import find_root
from unidbg.profiles.tables import walk_tables
from unidbg.program import paging
from unidbg.program.module import PT_LOAD
from unidbg.program.program import Program
from unidbg.structures.faults import Faults
from unidbg.target.base import AddressSpace
from unidbg.views.base import Absent, Address, Range
from unidbg.views.system import MemoryView, PageCounts, Region

KINDS = ("code", "rodata", "data", "heap", "stack")
PF_X, PF_W = 1, 2
MAX_REGIONS = 4096
PAGE = 4096


def memory(fields: Fields, context: Context) -> MemoryView:
    """Layout from the probe, regions from the page tables."""
    optional = {name: name for name in KINDS if name != "rodata" or fields.has(name)}
    layout = {name: fields.range(name) for name in optional}
    offset = fields.integer("physical_offset") if fields.has("physical_offset") else 0
    through = paging.PhysicalThroughVirtual(context.program.memory, offset)
    guarded = guards(fields)
    return build(context, layout, context.program.target.physical or through, fields.faults, guarded)


def guards(fields: Fields) -> tuple[Range, ...]:
    """The pages that the guest says it keeps unmapped; those that have no extent are left out."""
    if not fields.has("guards"):
        return ()
    found: list[Range] = []
    for each in fields.structs("guards", "guard_count"):
        path = each.at(f"guards[{len(found)}]")
        start, end = path.address("start"), path.address("end")
        if start < end:
            found.append(Range(start, end))
        elif start > end:
            each.faults.add(path.path, f"ends at {end:#x}, before its start {start:#x}", each.value.address_)
    return tuple(found)


def generic_memory(context: Context) -> MemoryView | Absent:
    """Regions from the page tables alone, for a target that reads physical memory; layout from the images."""
    physical = context.program.target.physical
    if physical is None:
        return context.absent(
            "memory",
            "the page tables lie in physical memory, which this target cannot read",
            "attach through QEMU's gdbstub (-gdb tcp:127.0.0.1:0), or export a probe of kind `memory`",
        )
    return build(context, image_layout(context.program), physical, Faults())


def stack_bounds(context: Context) -> Range | None:
    """The stack as the probe of kind `memory` tells it; `None` where there is none."""
    faults = Faults()
    root = find_root(context, "memory", faults)
    if root is None or isinstance(root, Absent) or not root.is_struct_() or not root.has_("stack"):
        return None
    return Fields(context.program, root, faults).range("stack")


def build(
    context: Context,
    layout: dict[str, Range | None],
    physical: AddressSpace,
    faults: Faults,
    guarded: Sequence[Range] = (),
) -> MemoryView:
    """The view of a layout and the page tables of the first vCPU."""
    walk = walk_tables(context, physical, faults)
    ranges = [(name, found) for name in KINDS if (found := layout.get(name)) is not None]
    regions = cut(walk.mappings, ranges) if walk else []
    if walk is not None:
        check_guards(guarded, walk.mappings, faults)
    if len(regions) > MAX_REGIONS:
        faults.add("regions", f"{len(regions)} regions: only the first {MAX_REGIONS} are listed")
    return MemoryView(
        provenance=context.provenance,
        page_table_root=Address(walk.root) if walk else None,
        pages=count(walk.mappings) if walk else None,
        regions=tuple(regions[:MAX_REGIONS]),
        faults=faults.all(),
        guards=tuple(guarded),
        **{name: layout.get(name) for name in KINDS},
    )


def count(mappings: Iterable[paging.Mapping]) -> PageCounts:
    """Pages of 4 KiB by what they allow."""
    totals = dict.fromkeys(("present", "writable", "user", "no_execute", "writable_executable"), 0)
    for run in mappings:
        pages = (run.end - run.start) // PAGE
        totals["present"] += pages
        totals["writable"] += pages * run.writable
        totals["user"] += pages * run.user
        totals["no_execute"] += pages * run.no_execute
        totals["writable_executable"] += pages * (run.writable and not run.no_execute)
    return PageCounts(**totals)


def check_guards(guards: Sequence[Range], mappings: Sequence[paging.Mapping], faults: Faults) -> None:
    """A guard that is mapped after all is a fault."""
    for number, guard in enumerate(guards):
        mapped = overlap(mappings, guard.start, guard.end)
        if mapped:
            reason = f"{mapped} pages of this guard are mapped: an overrun goes unnoticed"
            faults.add(f"guards[{number}]", reason, guard.start)


def overlap(mappings: Iterable[paging.Mapping], start: int, end: int) -> int:
    """Pages of 4 KiB between two addresses, grown to whole pages, that are mapped."""
    start, end = start & ~(PAGE - 1), (end + PAGE - 1) & ~(PAGE - 1)
    return sum(max(0, min(run.end, end) - max(run.start, start)) // PAGE for run in mappings)


def cut(mappings: Iterable[paging.Mapping], layout: Sequence[tuple[str, Range]]) -> list[Region]:
    """Mappings cut where a part of the layout begins or ends, each piece with the kind of the first part
    over it.
    """
    parts = [(name, r.start & ~(PAGE - 1), (r.end + PAGE - 1) & ~(PAGE - 1)) for name, r in layout]
    edges = sorted({edge for _, start, end in parts for edge in (start, end)})
    return [
        _region(run, start, end, next((name for name, first, last in parts if first <= start < last), ""))
        for run in mappings
        for start, end in _pieces(run, edges)
    ]


def _pieces(run: paging.Mapping, edges: Sequence[int]) -> Iterable[tuple[int, int]]:
    bounds = [run.start, *(edge for edge in edges if run.start < edge < run.end), run.end]
    return itertools.pairwise(bounds)


def _region(run: paging.Mapping, start: int, end: int, kind: str) -> Region:
    physical = Address(run.physical + start - run.start)
    return Region(Address(start), Address(end), physical, run.writable, run.user, run.no_execute, kind)


def image_layout(program: Program) -> dict[str, Range | None]:
    """Code, rodata and data of the first image, by the rights of its loaded segments."""
    spans: dict[str, tuple[int, int]] = {}
    for module in program.modules[:1]:
        for segment in module.image.segments:
            if segment.p_type == PT_LOAD and segment.memsz:
                kind = "code" if segment.flags & PF_X else "data" if segment.flags & PF_W else "rodata"
                start = module.run_address(segment.vaddr)
                known = spans.get(kind, (start, start))
                spans[kind] = (min(known[0], start), max(known[1], start + segment.memsz))
    return {kind: Range(Address(start), Address(end)) for kind, (start, end) in spans.items()}
