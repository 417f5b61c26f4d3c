"""Checks of memory: page rights, stacks, the image, the probe table."""

from __future__ import annotations

from collections.abc import Iterator

from unidbg.checks.check import CannotTell, Check, Found, Seen
from unidbg.views.base import Location
from unidbg.views.findings import ProbesView, TextView
from unidbg.views.system import MemoryView, Region, ThreadsView

PAGE = 4096
TABLES = ("page_table_root", "regions")


def writable_executable(seen: Seen) -> Iterator[Found]:
    for index, region in _regions(seen):
        if region.writable and not region.no_execute:
            yield Found(
                f"regions.{index}", f"{_span(region)} can be written and executed", _at(region), _key(region)
            )


def missing_no_execute(seen: Seen) -> Iterator[Found]:
    for index, region in _regions(seen):
        if region.kind in ("rodata", "data", "heap", "stack") and not region.no_execute:
            yield Found(f"regions.{index}", f"{_span(region)} can be executed", _at(region), _key(region))


def writable_text(seen: Seen) -> Iterator[Found]:
    for index, region in _regions(seen):
        if region.kind in ("code", "rodata") and region.writable and region.no_execute:
            yield Found(f"regions.{index}", f"{_span(region)} can be written", _at(region), _key(region))


def guard_page(seen: Seen) -> Iterator[Found]:
    view = seen.get("memory", MemoryView, "stack", "guards", *TABLES)
    if view.stack is None or not view.regions:
        raise CannotTell("the stack or the page tables are not known")
    for index, guard in enumerate(view.guards):
        over = next((r for r in view.regions if r.start < guard.end and guard.start < r.end), None)
        if over is not None:
            yield Found(
                f"guards.{index}",
                f"the guard page at {guard.start:#x} is mapped",
                Location(guard.start),
                "mapped",
            )
    below = view.stack.start - PAGE
    mapped = next((r for r in view.regions if r.start <= below < r.end), None)
    if mapped is not None and not any(guard.end == view.stack.start for guard in view.guards):
        what = f"{mapped.kind or 'memory'} that is mapped"
        text = f"below the stack at {view.stack.start:#x} lies {what}: an overflow overwrites it"
        yield Found("stack", text, Location(view.stack.start), "stack")


def stack_margin(seen: Seen) -> Iterator[Found]:
    view = seen.get("threads", ThreadsView, "threads")
    margins = [(n, t) for n, t in enumerate(view.threads) if t.stack_margin_bytes is not None]
    if not margins:
        raise CannotTell("no stack is known whose end could be told")
    for index, thread in margins:
        margin = thread.stack_margin_bytes or 0
        if margin < seen.limits.stack_margin_bytes:
            text = f"thread {thread.name or thread.id} has {margin} bytes of stack left"
            yield Found(
                f"threads.{index}.stack_margin_bytes",
                text,
                thread.frames[0].pc if thread.frames else None,
                thread.name,
            )


def deadlock(seen: Seen) -> Iterator[Found]:
    view = seen.get("threads", ThreadsView, "threads")
    waits = {thread.id: thread.waits_for for thread in view.threads if thread.waits_for is not None}
    known, told, lost = {thread.id for thread in view.threads}, set[str](), ""
    for start in waits:
        path: list[str] = []
        at: str | None = start
        while at is not None and at not in path and at not in told:
            path.append(at)
            at = waits.get(at)
        if at is not None and at in path:
            circle = path[path.index(at) :]
            yield Found(
                "threads",
                f"threads wait for each other: {' -> '.join([*circle, at])}",
                None,
                "-".join(sorted(circle)),
            )
        elif path and path[-1] not in known:
            lost = f"thread {path[-2]} waits for {path[-1]}, which is no thread"
        told.update(path)
    if lost:
        raise CannotTell(lost)


def text_changed(seen: Seen) -> Iterator[Found]:
    view = seen.get("text", TextView, "compared_bytes", "changed")
    if not view.compared_bytes:
        raise CannotTell("no read-only segment of the image could be compared")
    for index, change in enumerate(view.changed):
        where = change.location.symbol or hex(change.range.start)
        pair = f"{change.found_hex} for {change.expected_hex}"
        text = f"bytes at {where} are not those of the image: {pair}"
        yield Found(f"changed.{index}", text, change.location, change.location.symbol or "data")
    if not view.changed:
        seen.get("text", TextView, "unreadable")


def probe_table(seen: Seen) -> Iterator[Found]:
    view = seen.get("probes", ProbesView)
    for index, fault in enumerate(view.faults):
        if "unreadable" in fault.reason:
            raise CannotTell(fault.reason)
        yield Found("probes", fault.reason, Location(fault.address) if fault.address else None, str(index))
    if not view.probes and not view.faults:
        raise CannotTell("the image has no probes")


def _regions(seen: Seen) -> Iterator[tuple[int, Region]]:
    view = seen.get("memory", MemoryView, *TABLES)
    if view.page_table_root is None or not view.regions:
        raise CannotTell("the page tables are not to be had")
    return iter(list(enumerate(view.regions)))


def _span(region: Region) -> str:
    return f"{region.kind or 'memory'} at {region.start:#x}..{region.end:#x}"


def _at(region: Region) -> Location:
    return Location(region.start)


def _key(region: Region) -> str:
    return region.kind or "memory"


CHECKS = (
    Check(
        "writable-executable-pages", "error", ("memory",), "Pages that can be written and executed.",
        "map code read-only and data no-execute", writable_executable,
    ),
    Check(
        "missing-no-execute", "error", ("memory",), "Data, heap, stack or constants that can be executed.",
        "set the no-execute bit in the page tables of data (EFER.NXE must be on)", missing_no_execute,
    ),
    Check(
        "writable-text", "warning", ("memory",), "Code or constants that can be written.",
        "map text and constants read-only, and set CR0.WP", writable_text,
    ),
    Check(
        "guard-page-missing", "warning", ("memory",), "A stack without an unmapped page below it.",
        "leave a page below each stack unmapped", guard_page,
    ),
    Check(
        "stack-margin-low", "warning", ("threads",), "A stack that is nearly used up.",
        "give the thread a larger stack, or look at `unidbg bt` for what fills it", stack_margin,
    ),
    Check(
        "thread-deadlock", "error", ("threads",), "Threads that wait for each other in a circle.",
        "look at `unidbg threads`: one of the locks is taken in another order", deadlock,
    ),
    Check(
        "text-changed", "error", ("text",), "Code or constants in memory that are not the image's.",
        "something wrote over them, or another image runs: look at `unidbg dis` there", text_changed,
    ),
    Check(
        "probe-table-damaged", "error", ("probes",), "A table of probes that cannot be believed.",
        "something wrote over it: look at `unidbg x` there, and at what lies before it", probe_table,
    ),
)  # fmt: skip
