"""The live page tables: their root from the first vCPU's registers, and a walk that is not made too often."""

from __future__ import annotations

import time
import weakref
from typing import NamedTuple

from unidbg.errors import TargetError
from unidbg.profiles.base import Context
from unidbg.program import paging
from unidbg.program.capture import Capture
from unidbg.program.program import Program
from unidbg.program.refresh import SLOW
from unidbg.program.snapshot import SnapshotMiss
from unidbg.structures.faults import Faults
from unidbg.target.base import AddressSpace

WALK_AGE = 10.0
"""Seconds for which a walk over a slow line is shown again: tens of KiB of page tables at each refresh would
stop the guest for long. Who asks once gets a walk of its own.
"""


class Root(NamedTuple):
    """Where the tables begin (physical) and how they are to be read."""

    physical: int
    levels: int
    no_execute: bool


class _Known(NamedTuple):
    """A walk and when it was made (`time.monotonic`)."""

    time: float
    root: Root
    walk: paging.PageWalk


def walk_tables(context: Context, physical: AddressSpace, faults: Faults) -> paging.PageWalk | None:
    """The walk of the first vCPU's tables; `None` with a fault where there are none to be walked.

    In a series of refreshes over a slow line it can be `WALK_AGE` seconds old.
    """
    root = find_root(context.program, faults)
    if root is None:
        return None
    slow = context.memo is not None and context.program.target.kind in SLOW
    found = _recent(context, physical, root) if slow else _once(context, physical, root)
    for fault in found.faults:
        faults.add("regions", f"at virtual {fault.virtual:#x}: {fault.reason}", fault.entry)
    return found


def find_root(program: Program, faults: Faults) -> Root | None:
    """CR3, and what CR0, CR4 and EFER say of it; faults have the path `page_table_root`."""
    where = "page_table_root"
    try:
        threads = program.target.threads()
        found = dict(program.registers(threads[0].id if threads else ""))
    except TargetError as error:
        faults.add(where, f"the registers are not to be had: {error}")
        return None
    cr3, efer = found.get("cr3"), found.get("efer")
    if "cr3" in found and cr3 is None:
        faults.add(where, "no CR3, so no page tables to walk: a process has no control registers")
    elif cr3 is None:
        faults.add(where, "the target does not tell CR3, the root of the page tables")
    elif not (found.get("cr0") or paging.CR0_PG) & paging.CR0_PG:
        faults.add(where, "paging is off: virtual addresses are physical ones")
    elif efer is not None and not efer & paging.EFER_LMA:
        faults.add(where, "the vCPU is not in long mode: its page tables are not read")
    else:
        levels = 5 if (found.get("cr4") or 0) & paging.CR4_LA57 else 4
        return Root(cr3, levels, efer is None or bool(efer & paging.EFER_NXE))
    return None


_WALKED: weakref.WeakKeyDictionary[Capture, tuple[Root, paging.PageWalk]] = weakref.WeakKeyDictionary()
"""The walk of each capture: several views ask for it, and it does not change."""


def _once(context: Context, physical: AddressSpace, root: Root) -> paging.PageWalk:
    """A walk that is made once for all views of a stop."""
    capture = context.program.target
    if not isinstance(capture, Capture):
        return _walk(physical, root)
    known = _WALKED.get(capture)
    if known is None or known[0] != root:
        known = _WALKED[capture] = (root, _walk(physical, root))
    return known[1]


def _walk(physical: AddressSpace, root: Root) -> paging.PageWalk:
    return paging.walk(physical, root.physical, levels=root.levels, no_execute=root.no_execute)


def _recent(context: Context, physical: AddressSpace, root: Root) -> paging.PageWalk:
    memo: dict[object, object] = context.memo if context.memo is not None else {}
    known = memo.get("page tables")
    now = time.monotonic()
    if not isinstance(known, _Known) or known.root != root:
        known = None
    if known is None or now - known.time > WALK_AGE:
        known = memo["page tables"] = _again(context, physical, root, known, now)
    return known.walk


def _again(context: Context, physical: AddressSpace, root: Root, known: _Known | None, now: float) -> _Known:
    """Walk at this stop; where the guest runs on already, have the tables fetched at the next one."""
    try:
        walk = _walk(physical, root)
    except SnapshotMiss:
        if known is None or now - known.time > 3 * WALK_AGE:
            raise
        _tell(context, known.walk, physical, fetch=True)
        return known
    _tell(context, walk, physical, fetch=False)
    return _Known(now, root, walk)


def _tell(context: Context, walk: paging.PageWalk, physical: AddressSpace, *, fetch: bool) -> None:
    """Whether the next refresh shall fetch the tables."""
    if context.ahead is None or not isinstance(physical, paging.PhysicalThroughVirtual):
        return
    tell = context.ahead.expect if fetch else context.ahead.forget
    for table in walk.tables:
        tell(physical.virtual(table), paging.TABLE_BYTES)
