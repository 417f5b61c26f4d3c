"""Where the page tables map the physical addresses of an image for execution: where it may run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from unidbg.errors import TargetError
from unidbg.program import paging
from unidbg.program.module import PT_LOAD

if TYPE_CHECKING:
    from unidbg_symbols import Image
    from unidbg_symbols.elf.header import Segment

    from unidbg.target.base import AddressSpace, Target

PF_X = 1


def mapped(target: Target, image: Image) -> Iterator[tuple[int, str]]:
    """(bias, evidence) of each place, those first that are not the linked one.

    None where the target reads no physical memory or tells no page tables of x86_64.
    """
    segment = next((s for s in image.segments if s.p_type == PT_LOAD and s.flags & PF_X), None)
    if segment is None or target.physical is None:
        return
    walk = _walk(target, target.physical)
    found = [] if walk is None else list(_places(walk, segment))
    for bias in sorted(found, key=lambda bias: bias == 0):
        at = segment.vaddr + bias
        yield bias, f"the page tables, which map physical {segment.paddr:#x} at {at:#x} for execution"


def _places(walk: paging.PageWalk, segment: Segment) -> Iterator[int]:
    for run in walk.mappings:
        offset = segment.paddr - run.physical
        if not run.no_execute and 0 <= offset < run.end - run.start:
            yield run.start + offset - segment.vaddr


def _walk(target: Target, physical: AddressSpace) -> paging.PageWalk | None:
    values = _registers(target)
    cr3, efer = values.get("cr3"), values.get("efer")
    if cr3 is None or target.architecture not in ("", "x86_64"):
        return None
    if not (values.get("cr0") or paging.CR0_PG) & paging.CR0_PG:
        return None
    levels = 5 if (values.get("cr4") or 0) & paging.CR4_LA57 else 4
    return paging.walk(physical, cr3, levels=levels, no_execute=efer is None or bool(efer & paging.EFER_NXE))


def _registers(target: Target) -> Mapping[str, int | None]:
    try:
        threads = target.threads()
        return target.registers.read(threads[0].id) if threads and target.registers is not None else {}
    except TargetError:
        return {}
