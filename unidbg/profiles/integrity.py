"""Is what lies in memory what the image says: its read-only segments, and the table of probes."""

from __future__ import annotations

from collections.abc import Iterator

from unidbg.errors import MemoryFault
from unidbg.profiles.base import Context
from unidbg.profiles.memory import PF_W
from unidbg.profiles.records import read_records
from unidbg.program.disassembly import original
from unidbg.program.identity import BREAKPOINTS
from unidbg.program.module import PT_LOAD, Module
from unidbg.structures.faults import Faults
from unidbg.views.base import Absent, Address, Range
from unidbg.views.findings import ChangedText, Probe, ProbesView, TextView

MAX_CHANGES = 64
MAX_SEGMENT = 256 << 20
SHOWN_BYTES = 16
PAGE = 4096


def text(context: Context) -> TextView | Absent:
    """All read-only segments of all images against memory; breakpoints are no difference."""
    if not context.program.modules:
        return context.absent("text", "there is no image to compare with", "give one with --image FILE")
    faults = Faults()
    compared, changed = 0, []
    for module in context.program.modules:
        for segment in module.image.segments:
            if segment.p_type == PT_LOAD and not segment.flags & PF_W and 0 < segment.filesz <= MAX_SEGMENT:
                ours = module.image.read(segment.vaddr, segment.filesz)
                start = module.run_address(segment.vaddr)
                theirs = _read(context, start, len(ours), faults)
                compared += len(theirs)
                changed += list(_changes(context, module, start, ours[: len(theirs)], theirs))
    listed = tuple(changed[:MAX_CHANGES])
    return TextView(context.provenance, faults.all(), compared, listed, len(changed) > MAX_CHANGES)


def _read(context: Context, start: int, length: int, faults: Faults) -> bytes:
    try:
        data = context.program.read_upto(start, length)
    except MemoryFault as fault:
        faults.add("unreadable", f"{length} bytes of the image at {start:#x}: {fault.reason}", fault.address)
        return b""
    if len(data) < length:
        at = start + len(data)
        faults.add("unreadable", f"the image cannot be read from {at:#x} on", at)
    return original(context.program, start, data)


def _changes(
    context: Context, module: Module, start: int, ours: bytes, theirs: bytes
) -> Iterator[ChangedText]:
    """Runs of bytes that differ, page by page, so that equal pages cost one comparison."""
    trap = BREAKPOINTS.get(module.image.machine, b"")
    relocated = _relocated(module)
    for page in range(0, len(ours), PAGE):
        mine, other = ours[page : page + PAGE], theirs[page : page + PAGE]
        if mine == other:
            continue
        for first, last in _runs(mine, other):
            at, found = start + page + first, other[first:last]
            if found != trap and not any(low <= at < high for low, high in relocated):
                yield _change(context, at, mine[first:last], found)


def _relocated(module: Module) -> list[tuple[int, int]]:
    """Run addresses of read-only data that a relocated image changes at start: none where it has no bias."""
    if not module.bias:
        return []
    return [
        (module.run_address(section.addr), module.run_address(section.addr + section.size))
        for section in module.image.sections
        if section.addr
        and section.name in (".rodata", ".data.rel.ro", "unidbg_probes", ".got", ".init_array")
    ]


def _runs(mine: bytes, other: bytes) -> Iterator[tuple[int, int]]:
    first = None
    for at, (one, two) in enumerate(zip(mine, other, strict=True)):
        if one != two and first is None:
            first = at
        elif one == two and first is not None:
            yield first, at
            first = None
    if first is not None:
        yield first, len(mine)


def _change(context: Context, at: int, ours: bytes, theirs: bytes) -> ChangedText:
    return ChangedText(
        range=Range(Address(at), Address(at + len(theirs))),
        location=context.program.locate(at),
        expected_hex=ours[:SHOWN_BYTES].hex(),
        found_hex=theirs[:SHOWN_BYTES].hex(),
    )


def probes(context: Context) -> ProbesView | Absent:
    """The records of all images as they stand in the guest."""
    if not context.program.modules:
        return context.absent("probes", "there is no image", "give one with --image FILE")
    faults = Faults()
    found = [
        Probe(
            record.kind,
            record.name,
            context.program.locate(record.object_address),
            record.object_bytes,
            Address(record.address),
        )
        for module in context.program.modules
        for record in read_records(context.program, module, faults)
    ]
    for index, probe in enumerate(found):
        if context.program.module_at(probe.object.address) is None:
            reason = (
                f"probe {probe.kind} {probe.name} leads to {probe.object.address:#x}, outside of the image"
            )
            faults.add(f"probes[{index}].object", reason, probe.address)
    return ProbesView(context.provenance, faults.all(), tuple(found))
