"""The heap view from a probe of kind `heap` (docs/abi.md)."""

from __future__ import annotations

from unidbg.errors import MemoryFault
from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.profiles.holders import call_sites
from unidbg.profiles.tracker import find_tracker, live_sites, site_of
from unidbg.structures import bitmaps
from unidbg.structures.arrays import array_count
from unidbg.views.system import HeapView, PageBitmap, SizeClass

MAX_PAGES = 1 << 24
"""64 GiB of 4 KiB pages: the bitmap of a larger claim is not read."""


def heap(fields: Fields, context: Context) -> HeapView:
    """The allocator's own numbers, and the page bitmap counted."""
    start, current, end = (fields.address(name) for name in ("start", "current", "end"))
    allocated, peak = fields.unsigned("allocated", "allocated_bytes"), fields.unsigned("peak", "peak_bytes")
    if not start <= current <= end:
        fields.faults.add(
            "current", f"{current:#x} lies outside the heap {start:#x}-{end:#x}", fields.value.address_
        )
    if allocated > peak:
        fields.faults.add(
            "peak_bytes", f"{peak} is below the {allocated} bytes allocated now", fields.value.address_
        )
    count = fields.unsigned("count")
    pages = _pages(fields) if fields.has("page_bitmap") else None
    walk = fields.has("blocks") and context.detail != "brief"
    tracked = find_tracker(context, fields.faults)
    who = (lambda address: site_of(tracked, address)) if tracked is not None else lambda address: 0
    sites = call_sites(fields, start, current, who) if walk else ()
    if tracked is not None and context.detail != "brief":
        sites = live_sites(tracked)
    return HeapView(
        provenance=context.provenance,
        start=start,
        current=current,
        end=end,
        allocated_bytes=allocated,
        peak_bytes=peak,
        count=count,
        pages=pages,
        free_bytes=_told(fields, "free_bytes"),
        largest_free_bytes=_told(fields, "largest_free", "largest_free_bytes"),
        failed=_told(fields, "failed"),
        classes=_classes(fields) if context.detail != "brief" else (),
        call_sites=sites,
        tracker=tracked.numbers if tracked is not None else None,
        faults=fields.faults.all(),
    )


def _told(fields: Fields, member: str, field: str | None = None) -> int | None:
    """A number that not every allocator has."""
    return fields.unsigned(member, field) if fields.has(member) else None


def _classes(fields: Fields) -> tuple[SizeClass, ...]:
    if not fields.has("classes"):
        return ()
    return tuple(
        SizeClass(each.unsigned("size", "size_bytes"), each.unsigned("used"), each.unsigned("free"))
        for each in fields.structs("classes", "class_count")
    )


def _pages(fields: Fields) -> PageBitmap | None:
    bitmap = fields.value.page_bitmap
    if bitmap.is_pointer_() and fields.address("page_bitmap", "pages") == 0:
        return None
    part = fields.at("pages")
    total = part.unsigned("page_total", "total")
    free = part.unsigned("page_free", "free")
    used = _used(part, total)
    counted = None if used is None else total - used
    if free > total:
        fields.faults.add("pages.free", f"{free} pages of {total} cannot be free", fields.value.address_)
    elif counted is not None and counted != free:
        fields.faults.add(
            "pages.free", f"says {free}, but the bitmap has {counted} free pages", fields.value.address_
        )
    return PageBitmap(
        base=part.address("page_base", "base"),
        page_size_bytes=part.unsigned("page_size", "page_size_bytes"),
        total=total,
        free=free,
        free_counted=counted,
    )


def _used(fields: Fields, total: int) -> int | None:
    """Bits that are set among the first `total`; `None` where the bitmap is not to be had."""
    bitmap = fields.value.page_bitmap
    where, size = fields.where("total"), (total + 7) // 8
    if total > MAX_PAGES:
        fields.faults.add(where, f"{total} pages are more than {MAX_PAGES}: the bitmap is not counted")
        return None
    if array_count(bitmap.type_) is not None and size > bitmap.size_:
        fields.faults.add(
            where, f"{total} pages do not fit the bitmap of {bitmap.size_} bytes", bitmap.address_
        )
        return None
    start = bitmap.int_() if bitmap.is_pointer_() else bitmap.address_ or 0
    try:
        data = bitmap.memory_.read(start, size)
    except MemoryFault as fault:
        fields.faults.add(
            fields.where("free_counted"), f"the bitmap is unreadable: {fault.reason}", fault.address
        )
        return None
    return bitmaps.count(data, total)
