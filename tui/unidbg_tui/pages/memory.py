"""The panes of memory and of the heap."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from unidbg.render import units
from unidbg.views.system import CallSite, HeapView, MemoryView, Region, SizeClass
from unidbg_tui import words
from unidbg_tui.cells import (
    ABSENT,
    Cell,
    Chart,
    Fact,
    Gauge,
    Line,
    Page,
    Role,
    Row,
    Span,
    Table,
    columns,
    distinct,
    guest,
    line,
    number_cell,
)
from unidbg_tui.pages.past import Past

KIND_ROLES: dict[str, Role] = {
    "code": "code",
    "rodata": "code",
    "data": "data",
    "heap": "heap",
    "stack": "stack",
}
LAYOUT = ("code", "rodata", "data", "heap", "stack")

_REGIONS = columns(">start", ">end", ">size", "may", ">physical", "kind+")


def memory(view: MemoryView, past: Past) -> Page:
    """Layout, page counts, and the regions of the live page tables."""
    spans = ((name, getattr(view, name)) for name in LAYOUT)
    facts = [
        Fact(name, words.extent(span), words.range_key(span)) for name, span in spans if span is not None
    ]
    if view.page_table_root is not None:
        root = view.page_table_root
        facts.append(Fact("page tables", line(words.address(root), Span("  physical", "dim")), (0, root)))
    if view.pages is not None:
        counts = view.pages
        facts += [
            Fact("mapped", _mapped(view), (0, counts.present)),
            Fact("protection", line(words.protection(counts)), (0, counts.writable_executable)),
        ]
    facts += [Fact("guard", words.extent(guard), words.range_key(guard)) for guard in view.guards]
    regions = Table(
        "regions", _REGIONS, distinct(_region(region) for region in view.regions), "no region is known"
    )
    return Page(tuple(facts), tables=(regions,))


def _mapped(view: MemoryView) -> Line:
    pages = view.pages
    if pages is None:
        return (words.NONE,)
    kinds = f"{pages.writable:,} writable, {pages.no_execute:,} no-execute, {pages.user:,} user"
    rest = Span(f"  {pages.present:,} pages: {kinds}", "dim")
    return line(Span(units.size(pages.present * 4096), "strong"), rest)


def _region(region: Region) -> Row:
    size = region.end - region.start
    letters = words.permissions(region)
    kind = (guest(region.kind, KIND_ROLES.get(region.kind, "")),) if region.kind else (words.NONE,)
    cells = (
        words.address_cell(region.start),
        words.address_cell(region.end),
        number_cell(size, units.size(size)),
        Cell((letters,), (1, letters.text)),
        words.address_cell(region.physical),
        Cell(kind, (1, region.kind) if region.kind else ABSENT),
    )
    return Row(f"{region.start:x}", cells)


def heap(view: HeapView, past: Past) -> Page:
    """What is live, how it was over time, and what the page bitmap says."""
    whole = max(0, view.end - view.start)
    facts = [
        Fact(
            "range",
            line(f"{view.start:#x}..{view.end:#x}", Span(f"  {units.size(whole)}", "dim")),
            (0, view.start),
        ),
        Fact("allocated", _share(view.allocated_bytes, whole), (0, view.allocated_bytes), heap_gauge(view)),
        Fact("peak", _share(view.peak_bytes, whole), (0, view.peak_bytes)),
        Fact("allocations", line(f"{view.count:,} live"), (0, view.count)),
        Fact("bump", _bump(view), (0, view.current)),
    ]
    if view.pages is not None:
        used = view.pages.total - view.pages.free
        facts.append(Fact("pages", _pages(view), (0, view.pages.free), _gauge(used, view.pages.total)))
    if view.free_bytes is not None:
        facts.append(
            Fact("free blocks", _free(view.free_bytes, view.largest_free_bytes), (0, view.free_bytes))
        )
    if view.failed is not None:
        failed = line(Span(f"{view.failed:,}", "bad" if view.failed else "dim"))
        facts.append(Fact("failed", failed, (0, view.failed)))
    return Page(tuple(facts), _heap_charts(view, past), tuple(_heap_tables(view)))


def _free(free: int, largest: int | None) -> Line:
    said = Span(units.size(free), "strong")
    if largest is None or not free:
        return line(said)
    apart = 100 - 100 * min(largest, free) / free
    whole = Span(f", the largest {units.size(largest)}: ", "dim")
    return line(said, whole, Span(f"{apart:.0f} % fragmented", "warn" if apart >= 50 else "dim"))


_CLASSES = columns(">blocks of", ">live", ">free")
_CALL_SITES = columns(">live", ">share", ">blocks", "allocated by+")


def _heap_tables(view: HeapView) -> Iterator[Table]:
    """Who holds the blocks, and their sizes; nothing where the allocator does not tell."""
    if view.call_sites:
        sites = sorted(view.call_sites, key=lambda site: -site.bytes)
        rows = distinct(_call_site(site, view.allocated_bytes) for site in sites)
        yield Table("call sites", _CALL_SITES, rows)
    classes = [each for each in view.classes if each.used or each.free]
    if classes:
        yield Table("size classes", _CLASSES, distinct(map(_size_class, classes)))


def _call_site(site: CallSite, whole: int) -> Row:
    cells = (
        number_cell(site.bytes, units.size(site.bytes)),
        number_cell(site.bytes, units.percent(site.bytes, whole)),
        number_cell(site.count),
        words.place_cell(site.location),
    )
    return Row(f"{site.location.address:x}", cells)


def _size_class(each: SizeClass) -> Row:
    size = number_cell(each.size_bytes, units.size(each.size_bytes), "strong")
    return Row(f"{each.size_bytes}", (size, number_cell(each.used), number_cell(each.free)))


def heap_gauge(view: HeapView) -> Gauge:
    """Allocated of the whole, with the high-water mark."""
    whole = max(1, view.end - view.start)
    share = view.allocated_bytes / whole
    return Gauge(share, view.peak_bytes / whole, _pressure(share))


def _gauge(part: int, whole: int) -> Gauge:
    share = part / whole if whole > 0 else 0.0
    return Gauge(share, None, _pressure(share))


def _pressure(share: float) -> Role:
    return "bad" if share >= 0.9 else "warn" if share >= 0.75 else "accent"


def _share(part: int, whole: int) -> Line:
    return line(Span(units.size(part), "strong"), Span(f"  {units.percent(part, whole)}", "dim"))


def _bump(view: HeapView) -> Line:
    used, left = view.current - view.start, view.end - view.current
    return line(f"{view.current:#x}", Span(f"  {units.size(used)} taken, {units.size(left)} left", "dim"))


def _pages(view: HeapView) -> Line:
    pages = view.pages
    if pages is None:
        return (words.NONE,)
    free = Span(f"{pages.free:,} of {pages.total:,} free", "strong")
    each = Span(f"  {units.size(pages.page_size_bytes)} each, from {pages.base:#x}; ", "dim")
    return line(free, each, words.bitmap_verdict(pages))


def _heap_charts(view: HeapView, past: Past) -> tuple[Chart, ...]:
    allocated = past.levels("heap.allocated_bytes")
    counts = past.levels("heap.count")
    return (
        Chart(
            "allocated",
            allocated,
            line(Span(units.size(view.allocated_bytes), "strong")),
            _peak(allocated, units.size),
        ),
        Chart("allocations", counts, line(Span(f"{view.count:,}", "strong")), _peak(counts, units.count)),
    )


def _peak(values: tuple[float | None, ...], say: Callable[[int], str]) -> str:
    present = [value for value in values if value is not None]
    return f"max {say(int(max(present)))}" if present else ""
