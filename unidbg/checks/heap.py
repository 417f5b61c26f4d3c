"""Checks of the heap: integrity, room, fragmentation, leaks."""

from __future__ import annotations

from collections.abc import Iterator

from unidbg.checks.check import CannotTell, Check, Found, Seen
from unidbg.views.base import Absent, Location
from unidbg.views.forensics import BlocksView, LeaksView
from unidbg.views.system import HeapView

BOUNDS = ("start", "current", "end")


def integrity(seen: Seen) -> Iterator[Found]:
    view = seen.get("blocks", BlocksView, "start", "end")
    for index, fault in enumerate(fault for fault in view.faults if fault.where.startswith("damage")):
        yield Found("damaged", fault.reason, Location(fault.address) if fault.address else None, str(index))


def nearly_full(seen: Seen) -> Iterator[Found]:
    view = seen.get("heap", HeapView, *BOUNDS, "allocated_bytes")
    whole = view.end - view.start
    if whole <= 0:
        raise CannotTell("the heap has no extent")
    share = 100 * view.allocated_bytes // whole
    if share >= seen.limits.heap_used_percent:
        yield Found("allocated_bytes", f"{share} % of {whole} bytes are allocated")
    if view.failed:
        yield Found("failed", f"{view.failed} allocations found no room", None, "failed")


def fragmentation(seen: Seen) -> Iterator[Found]:
    view = seen.get("heap", HeapView, "free_bytes", "largest_free_bytes")
    if view.free_bytes is None or view.largest_free_bytes is None:
        raise CannotTell("the allocator does not tell of its free blocks")
    if view.largest_free_bytes > view.free_bytes:
        raise CannotTell(f"the largest of {view.free_bytes} free bytes has {view.largest_free_bytes}")
    if view.free_bytes < seen.limits.fragmentation_bytes:
        return
    lost = 100 - 100 * view.largest_free_bytes // view.free_bytes
    if lost >= seen.limits.fragmentation_percent:
        largest = f"the largest block has {view.largest_free_bytes} ({lost} % lost)"
        text = f"{view.free_bytes} bytes are free, but {largest}"
        yield Found("largest_free_bytes", text)


def leaks(seen: Seen) -> Iterator[Found]:
    blocks = seen.views.get("blocks")
    if isinstance(blocks, Absent) or (isinstance(blocks, BlocksView) and blocks.damaged):
        raise CannotTell("the chain of blocks is broken" if isinstance(blocks, BlocksView) else blocks.reason)
    if isinstance(seen.views.get("heap"), HeapView):
        seen.get("heap", HeapView, "pages")  # pages in use hold pointers, too
    view = seen.get("leaks", LeaksView, "start", "current", "end", "searched")
    for index, group in enumerate(view.groups):
        site = group.call_site
        by = f", allocated at {site.symbol or hex(site.address)}" if site else ""
        kind = f" ({group.type})" if group.type else ""
        count = "1 block is" if group.count == 1 else f"{group.count} blocks are"
        text = f"{count} leaked, {group.size_bytes} bytes each{kind}{by}"
        key = f"{group.size_bytes} {site.symbol if site else ''}"
        yield Found(f"groups.{index}", text, site or Location(group.witness), key)


CHECKS = (
    Check(
        "heap-integrity", "error", ("blocks",), "A broken link in the chain of heap blocks.",
        "whoever allocated the block before it wrote past its end: `unidbg heap --blocks`", integrity,
    ),
    Check(
        "heap-nearly-full", "warning", ("heap",), "A heap with little room, or allocations that failed.",
        "give the guest more memory, or look at `unidbg heap --blocks` for who holds it", nearly_full,
    ),
    Check(
        "heap-fragmentation", "warning", ("heap",), "Free memory in pieces too small to be of use.",
        "look at `unidbg heap --blocks`: long-lived blocks lie between short-lived ones", fragmentation,
    ),
    Check(
        "heap-leaks", "error", ("leaks", "blocks", "heap"), "Live blocks to which no pointer leads.",
        "free them where their owner goes: `unidbg leaks` has the call sites", leaks,
    ),
)  # fmt: skip
