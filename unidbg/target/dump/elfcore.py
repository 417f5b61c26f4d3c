"""ELF cores: gdb's, QEMU's with paging off and on, Solo5's, and our own."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from unidbg.target.base import StopReason
from unidbg.target.dump import elf, registers
from unidbg.target.dump.extents import Extents
from unidbg.target.dump.own import Own, own_notes
from unidbg.target.dump.source import Source, bad
from unidbg.target.dump.space import FileSpace
from unidbg.target.dump.target import Contents, numbered

MAX_CPUS = 4096
TOP = 0xFFFF << 48
SIGN = 1 << 47
MEMORY_ALONE = "it was dumped by a way that shows memory alone"


def read_core(source: Source) -> Contents:
    """A core by its segments and notes; DumpError where there is neither memory nor a vCPU."""
    header = elf.read_header(source)
    loads, note_ranges = elf.read_segments(source, header)
    notes = list(elf.read_notes(source, note_ranges))
    found = read_cpus(header.machine, notes)
    own = own_notes(notes)
    if not loads.offset and not found and own is None:
        raise bad(source.path, "a core without memory and without registers: the dump was cut off")
    solo5 = header.osabi == elf.OSABI_STANDALONE and len(loads.offset) == 1
    complaints = _complaints(source, header, loads, solo5)
    return Contents(
        format="core",
        machine=header.machine,
        cpus=own.cpus if own and own.cpus else numbered([values for values, _ in found]),
        physical=_physical(source, loads, notes, own, solo5),
        headers=_virtual(source, loads, notes, solo5),
        stop=own.stop if own else _stop(found),
        image=own.image if own else None,
        bias=own.bias if own else None,
        no_registers=MEMORY_ALONE if own else "the core has no NT_PRSTATUS note of a kind that is known",
        notes=complaints,
        unchanged_left_out=own is None and not solo5 and not by_qemu(notes) and not complaints,
    )


Found = tuple[registers.Values, int]
"""Registers of a vCPU, and the signal that its note has."""


def read_cpus(machine: str, notes: Sequence[elf.Note]) -> list[Found]:
    """The vCPUs in the order of their NT_PRSTATUS, with what the notes that belong to each add.

    Linux writes a thread's notes together, QEMU all NT_PRSTATUS and then its own notes in the same order.
    """
    found: list[Found] = []
    extra: list[registers.Values] = []
    for note in notes:
        if note.owner == b"CORE" and note.type == registers.NT_PRSTATUS and len(found) < MAX_CPUS:
            status = registers.prstatus(machine, note.data)
            if status is not None:
                found.append((status[0], status[1]))
        elif note.owner == b"CORE" and note.type == registers.NT_PRFPREG and found and machine == "x86_64":
            found[-1][0].update(registers.fxsave(note.data))
        elif note.owner == b"QEMU" and note.type == 0 and machine == "x86_64":
            extra.append(registers.qemu_note(note.data))
    for (values, _), more in zip(found, extra, strict=False):
        values.update(more)
    return found


def _stop(found: Sequence[Found]) -> StopReason | None:
    """The signal of the first thread that has one."""
    for number, (_, signal) in enumerate(found):
        if signal:
            return StopReason(str(number + 1), signal, "exception", f"died by signal {signal}")
    return None


def by_qemu(notes: Sequence[elf.Note]) -> bool:
    """Whether QEMU wrote the notes."""
    return any(note.owner == b"QEMU" for note in notes)


def _physical(
    source: Source, loads: elf.Segments, notes: Sequence[elf.Note], own: Own | None, solo5: bool
) -> FileSpace | None:
    """Memory by physical address, where the headers have any: gdb's leave it 0."""
    told = own.has_physical if own else solo5 or by_qemu(notes) or any(loads.physical)
    return _space(source, loads, loads.physical, solo5) if told else None


def _virtual(source: Source, loads: elf.Segments, notes: Sequence[elf.Note], solo5: bool) -> FileSpace:
    """Memory by the virtual addresses of the headers, mended where QEMU is known to write wrong ones.

    It ORs 0xffff << 48 onto all of them: where bit 47 is clear the top bits do not belong there.
    """
    mended = array("Q", map(_unsigned, loads.virtual)) if by_qemu(notes) else loads.virtual
    return _space(source, loads, mended, solo5)


def _space(source: Source, loads: elf.Segments, starts: array[int], solo5: bool) -> FileSpace:
    """Solo5's file ends behind the last page that was ever touched: what it lacks is zeros."""
    lengths = loads.file_bytes if solo5 else loads.lengths(source.size)
    if starts is not loads.physical and any(loads.unmapped):
        lengths = array("Q", (0 if no else n for n, no in zip(lengths, loads.unmapped, strict=True)))
    return FileSpace(source, Extents.of_columns(starts, lengths, loads.offset), zeros_behind=solo5)


def _unsigned(address: int) -> int:
    return address & ~TOP if address & TOP == TOP and not address & SIGN else address


def _complaints(source: Source, header: elf.Header, loads: elf.Segments, solo5: bool) -> Sequence[str]:
    """What the file claims and does not hold."""
    count = len(loads.offset)
    missing = sum(at + n > source.size for at, n in zip(loads.offset, loads.file_bytes, strict=True))
    complaints = []
    if missing and not solo5:
        complaints.append(f"the file ends before {missing} of its {count} segments do: it was cut off")
    if header.segments > count + 64:
        complaints.append(f"the header claims {header.segments} segments, the file has {count}")
    return complaints
