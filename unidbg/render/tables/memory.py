"""Memory layout, page tables and the allocator."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from unidbg.render import cells, layout, units
from unidbg.render.cells import Page
from unidbg.views.system import (
    CallSite,
    HeapView,
    MemoryView,
    PageBitmap,
    PageCounts,
    Region,
    SizeClass,
    Tracker,
)

_LAYOUT = ("code", "rodata", "data", "heap", "stack")


def memory(view: MemoryView, page: Page) -> Sequence[RenderableType]:
    rows: list[tuple[str, RenderableType]] = [
        (part, cells.span(getattr(view, part))) for part in _LAYOUT if getattr(view, part) is not None
    ]
    if view.page_table_root is not None:
        rows.append(("page tables", cells.address(view.page_table_root)))
    if view.pages is not None:
        rows.append(("pages", page_counts(view.pages)))
    rows += [("guard", cells.span(guard)) for guard in view.guards]
    drawn: list[RenderableType] = [layout.facts(rows)]
    if view.regions:
        drawn += [layout.BLANK, _regions(view.regions)]
    return drawn


def page_counts(pages: PageCounts) -> Text:
    """How many pages are mapped and how, with a verdict on writable-and-executable ones."""
    text = Text(
        f"{units.size(pages.present * 4096)} in {units.plural(pages.present, 'page')}: "
        f"{units.count(pages.writable)} writable, {units.count(pages.no_execute)} no-execute, "
        f"{units.count(pages.user)} user; "
    )
    bad = pages.writable_executable
    verdict = f"{units.count(bad)} writable and executable" if bad else "none writable and executable"
    return text.append(verdict, style=cells.BAD if bad else cells.GOOD)


def _regions(regions: Sequence[Region]) -> RenderableType:
    rows = [
        (
            cells.address(region.start),
            cells.address(region.end),
            cells.size(region.end - region.start),
            _permissions(region),
            cells.address(region.physical),
            cells.guest(region.kind),
        )
        for region in regions
    ]
    return layout.table((">!start", ">!end", ">!size", "!may", ">!physical", "kind"), rows)


def _permissions(region: Region) -> Text:
    letters = "r" + ("w" if region.writable else "-") + ("-" if region.no_execute else "x")
    letters += "u" if region.user else "-"
    return Text(letters, style=cells.BAD if region.writable and not region.no_execute else "")


def heap(view: HeapView, page: Page) -> Sequence[RenderableType]:
    whole = view.end - view.start
    used = view.current - view.start
    rows: list[tuple[str, RenderableType]] = [
        ("range", _heap_range(view)),
        ("allocated", allocated(view, page)),
        ("peak", Text(f"{units.size(view.peak_bytes)} ({units.percent(view.peak_bytes, whole)})")),
        ("allocations", cells.number(view.count)),
        (
            "bump",
            Text(f"{units.size(used)} taken ({units.percent(used, whole)}), {units.size(whole - used)} left"),
        ),
    ]
    if view.pages is not None:
        rows.append(("pages", _bitmap(view.pages)))
    if view.free_bytes is not None:
        rows.append(("free blocks", _free(view.free_bytes, view.largest_free_bytes)))
    if view.failed is not None:
        rows.append(("failed", Text(units.count(view.failed), style=cells.BAD if view.failed else cells.DIM)))
    if view.tracker is not None:
        rows.append(("call sites", tracked(view.tracker)))
    drawn: list[RenderableType] = [layout.facts(rows)]
    if any(each.used or each.free for each in view.classes):
        drawn += [layout.BLANK, _classes(view.classes)]
    if view.call_sites:
        drawn += [layout.BLANK, _call_sites(view.call_sites, view.allocated_bytes)]
    return drawn


def tracked(tracker: Tracker) -> Text:
    """What the tracker records, and what it could not."""
    text = Text(
        f"recorded of {units.count(tracker.block_count)} blocks "
        f"({units.count(tracker.block_slots)} slots), from {units.plural(tracker.site_count, 'place')}"
    )
    if tracker.left_out:
        text.append(f"; {units.plural(tracker.left_out, 'allocation')} found no room", style=cells.WARN)
    if tracker.left_out_sites:
        text.append(
            f"; {units.count(tracker.left_out_sites)} of further places not told apart", style=cells.WARN
        )
    return text


def _free(free: int, largest: int | None) -> Text:
    """What is free, and how much of it is of use at once."""
    text = Text(units.size(free))
    if largest is not None and free:
        apart = 100 - 100 * min(largest, free) / free
        style = cells.WARN if apart >= 50 else cells.DIM
        text.append(f", the largest {units.size(largest)}").append(f": {apart:.0f} % fragmented", style=style)
    return text


def _classes(classes: Sequence[SizeClass]) -> RenderableType:
    """Those that have any blocks."""
    rows = [
        (cells.size(each.size_bytes), cells.number(each.used), cells.number(each.free))
        for each in classes
        if each.used or each.free
    ]
    return layout.table((">!blocks of", ">!live", ">!free"), rows)


def _call_sites(sites: Sequence[CallSite], whole: int) -> RenderableType:
    """The largest holders first."""
    rows = [
        (
            cells.size(each.bytes),
            Text(units.percent(each.bytes, whole)),
            cells.number(each.count),
            cells.place(each.location),
        )
        for each in sorted(sites, key=lambda site: -site.bytes)
    ]
    return layout.table((">!live", ">!share", ">!blocks", "allocated by"), rows)


def allocated(view: HeapView, page: Page) -> Text:
    """A gauge of what is live, with its share of the heap."""
    whole = view.end - view.start
    share = units.percent(view.allocated_bytes, whole)
    gauge = cells.bar(view.allocated_bytes, whole, 24 if page.wide else 16, page)
    return Text.assemble(gauge, f" {units.size(view.allocated_bytes)} of {units.size(whole)} ({share})")


def _heap_range(view: HeapView) -> Text:
    start, current, end = (cells.address(value) for value in (view.start, view.current, view.end))
    return Text.assemble(start, (" current ", cells.DIM), current, (" end ", cells.DIM), end)


def _bitmap(pages: PageBitmap) -> Text:
    free = f"{units.count(pages.free)} of {units.count(pages.total)} free"
    text = Text.assemble(
        f"{free}, {units.size(pages.page_size_bytes)} each, from ", cells.address(pages.base)
    )
    if pages.free_counted is None:
        return text
    if pages.free_counted == pages.free:
        return text.append("; the bitmap agrees", style=cells.GOOD)
    return text.append(f"; the bitmap has {units.count(pages.free_counted)} free", style=cells.BAD)
