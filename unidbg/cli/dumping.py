"""What `unidbg dump` does: everything of a guest into one core, whole or not at all."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from unidbg import __version__
from unidbg.errors import DumpError, UnidbgError
from unidbg.views.host import DumpReport

if TYPE_CHECKING:
    from unidbg.session import Session
    from unidbg.target.dump.sink import Sink
    from unidbg.target.dump.writing import Plan, Ram, Written

R = TypeVar("R")
Tick = Callable[[int, int], None]
"""Told how many bytes are done, and of how many."""


def dump(session: Session, path: str, *, pack: bool, tick: Tick) -> DumpReport:
    """Write a core to `path`, `-` for stdout. A file appears whole, under its name, or not at all."""
    return into(path, pack, lambda sink: _write(session, path, sink, tick))


def write_file(plan: Plan, ram: Ram, path: str, *, pack: bool) -> Written:
    """A plan into a file, or stdout."""
    from unidbg.target.dump.writing import write_core

    def fill(sink: Sink) -> tuple[Written, Written]:
        written = write_core(plan, ram, sink)
        return written, written

    return into(path, pack, fill)


def into(path: str, pack: bool, fill: Callable[[Sink], tuple[R, Written]]) -> R:
    """Have a core written: a file appears whole, under its name, or not at all."""
    from unidbg.target.dump.sink import FileSink, StreamSink, ZstdSink

    if path == "-":
        fd = sys.stdout.fileno()
        return fill(ZstdSink(fd) if pack else StreamSink(fd))[0]
    temporary = f"{path}.{os.getpid()}.part"
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            result, written = fill(ZstdSink(descriptor) if pack else FileSink(descriptor))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not pack:
            check(temporary, written)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return result


def _write(session: Session, path: str, sink: Sink, tick: Tick) -> tuple[DumpReport, Written]:
    from unidbg.profiles.base import Context
    from unidbg.profiles.physical import physical_memory
    from unidbg.program.dumping import SpaceRam, gather
    from unidbg.program.refresh import stand
    from unidbg.target.dump.writing import Plan, write_core

    alive = session.target.run is not None and session.target.run.running
    log = session.view("log")
    began = time.perf_counter_ns()
    with stand(session.target):
        ours = session.target.run is not None and session.target.kind == "unidbg"
        context = Context(session.program, session.provenance())
        gathered = gather(session.program, physical_memory(context) if ours else None)
        ram = SpaceRam(gathered.space, gathered.host)
        try:
            notes, vcpus = encode_notes(session, gathered.physical, log)
            machine, bits = session.target.architecture, 8 * session.program.pointer_bytes
            plan = Plan(machine, bits, notes, gathered.runs, gathered.mapped, gathered.physical)
            total = sum(run.length for run in gathered.runs)
            written = write_core(plan, ram, sink, lambda done: tick(min(done, total), total))
        finally:
            if gathered.host is not None:
                gathered.host.close()
    stopped_ns = time.perf_counter_ns() - began if alive else None
    report = DumpReport(
        path=path,
        memory_bytes=total,
        digest=written.digest.hex(),
        intact=True,
        data_bytes=written.data_bytes,
        vcpus=vcpus,
        access=gathered.way,
        unreadable_bytes=ram.unreadable_bytes,
        stopped_ns=stopped_ns,
    )
    return report, written


def check(path: str, written: Written) -> None:
    """Read the memory in a file again; DumpError where it is not what was written."""
    from unidbg.target.dump.sink import digest_of

    if digest_of(path, written.offset, written.memory_bytes) != written.digest:
        raise DumpError(f"{path}: what was written is not what is read back: is the disk damaged?", path=path)


def check_core(path: str) -> DumpReport:
    """Whether the digest in a core of ours is that of its memory. DumpError where there is none."""
    from unidbg.target.dump import elf
    from unidbg.target.dump.own import NT_DIGEST, OWNER
    from unidbg.target.dump.sink import digest_of
    from unidbg.target.dump.source import FileSource

    source = FileSource(path)
    try:
        loads, ranges = elf.read_segments(source, elf.read_header(source))
        notes = list(elf.read_notes(source, ranges))
        kept = next((n.data for n in notes if (n.owner, n.type) == (OWNER, NT_DIGEST)), None)
        if kept is None or not loads.offset or len(ranges) < 2:
            raise DumpError(f"{path}: no digest in it: it is not a whole core of `unidbg dump`", path=path)
        start = min(loads.offset)
        length = ranges[-1][0] - start
        return DumpReport(path, length, kept.hex(), digest_of(path, start, length) == kept)
    finally:
        source.close()


def encode_notes(session: Session, physical: bool, log: object) -> tuple[bytes, int]:
    """All notes of the guest as it stands, and the number of its threads."""
    from unidbg.target.dump import encoding, own
    from unidbg.views.system import LogView

    threads = session.target.threads()
    values = {thread.id: _registers(session, thread.id) for thread in threads}
    stop = session.target.stop_reason
    first = stop.thread if stop is not None else ""
    ordered = sorted(threads, key=lambda thread: thread.id != first)  # a debugger shows the first one
    out = [encoding.encode_process(_name(session))]
    for thread in ordered:
        signal = stop.signal if stop is not None and thread.id == first else 0
        number = next(n for n, one in enumerate(threads) if one.id == thread.id) + 1
        out.append(encoding.encode_thread(session.target.architecture, values[thread.id], number, signal))
    first_modules = session.program.modules[:1]
    out += [encoding.encode_entry(module.run_address(module.image.entry)) for module in first_modules]
    out.append(encoding.encode_json(own.NT_GUEST, tell_guest(session, physical)))
    out.append(encoding.encode_json(own.NT_REGISTERS, {name: _hex(found) for name, found in values.items()}))
    if isinstance(log, LogView):
        console = "\n".join(log.lines).encode("utf-8", "surrogateescape")
        out.append(encoding.encode_note(own.OWNER, own.NT_CONSOLE, console))
    out.append(encoding.encode_json(own.NT_PROBES, _probes(session)))
    return b"".join(out), len(threads)


def _registers(session: Session, thread: str) -> dict[str, int | None]:
    try:
        return dict(session.program.registers(thread))
    except UnidbgError:
        return {}


def _hex(values: dict[str, int | None]) -> dict[str, str | None]:
    return {name: None if value is None else hex(value) for name, value in values.items()}


def _name(session: Session) -> str:
    modules = session.program.modules
    return os.path.basename(modules[0].image.path) if modules else "unikernel"


def tell_guest(session: Session, physical: bool) -> dict[str, object]:
    """What the note of the guest says, for JSON."""
    target, stop = session.target, session.target.stop_reason
    return {
        "schema": 1,
        "unidbg": __version__,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "target": target.url,
        "access": target.access,
        "kind": target.kind,
        "architecture": target.architecture,
        "profile": session.profile_name,
        "physical": physical,
        "stop": stop and {"thread": stop.thread, "signal": stop.signal, "kind": stop.kind, "text": stop.text},
        "threads": [
            {"id": one.id, "name": one.name, "cpu": one.cpu, "detail": one.detail} for one in target.threads()
        ],
        "images": [
            {
                "path": os.path.abspath(module.image.path),
                "build_id": module.image.build_id.hex() if module.image.build_id else "",
                "bias": hex(module.bias),
                "verified": module.verified,
                "evidence": module.evidence,
            }
            for module in session.program.modules
        ],
    }


def _probes(session: Session) -> list[dict[str, object]]:
    from unidbg.profiles.records import read_records
    from unidbg.structures.faults import Faults

    return [
        {"kind": one.kind, "name": one.name, "address": hex(one.object_address), "size": one.object_bytes}
        for module in session.program.modules
        for one in read_records(session.program, module, Faults())
    ]
