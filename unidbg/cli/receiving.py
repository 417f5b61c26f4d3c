"""Dumps of what the views need: a few hundred KiB, which a UART carries; and waiting for a guest to die.

`receive` waits at the guest's line until it stands by itself, then takes such a dump. When the line breaks it
comes back and goes on where it was; what has arrived is written even if the rest never comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from unidbg.cli import dumping
from unidbg.errors import MemoryFault, ProtocolError, RegisterUnavailable, TargetGone, TargetTimeout
from unidbg.program.identity import verify
from unidbg.program.program import Program
from unidbg.program.recording import Recording
from unidbg.program.refresh import stand
from unidbg.session import VIEWS, Session
from unidbg.views.host import DumpReport

STACK_BYTES = 8192
"""Above each stack pointer; a backtrace reads more where it needs more."""
RED_ZONE = 128
INSTRUCTIONS = 32
POINTERS = ("rsp", "sp", "esp")
PAUSE = 0.5
"""Seconds before a line that broke is tried again."""
BROKEN = (TargetGone, TargetTimeout, ProtocolError)

Say = Callable[[str], None]


def minimal(session: Session, path: str, *, pack: bool) -> DumpReport:
    """A dump of what the views need."""
    recording = Recording()
    alive = session.target.run is not None and session.target.run.running
    began = time.perf_counter_ns()
    with stand(session.target):
        recorded = record(session, recording)
    stopped_ns = time.perf_counter_ns() - began if alive else None
    return write(recorded, recording, path, pack=pack, stopped_ns=stopped_ns)


def receive(
    open_session: Callable[[], Session], path: str, *, pack: bool, tries: int, say: Say
) -> DumpReport:
    """Wait for the guest to stand by itself, then dump what the views need, over as many connections as it
    takes; after `tries` without a new byte, or Ctrl-C, what arrived is written. TargetError if nothing did.
    """
    recording, recorded, failed, kept = Recording(), None, 0, 0
    while failed <= tries:
        try:
            with open_session() as session:
                wait_for_death(session, say)
                recorded = over(session, recording)
                record(session, recording)
                return write(recorded, recording, path, pack=pack, stopped_ns=None)
        except BROKEN as error:
            failed = failed + 1 if recording.space.kept_bytes == kept else 0
            kept = recording.space.kept_bytes
            say(f"{error}; {kept} bytes arrived, trying again")
            time.sleep(PAUSE)
        except KeyboardInterrupt:
            break
    if recorded is None or not kept:
        raise TargetGone("the guest never stood still, or nothing of it arrived: is the line the right one?")
    say("the rest never came: writing what arrived")
    recording.detach()
    return write(recorded, recording, path, pack=pack, stopped_ns=None)


def wait_for_death(session: Session, say: Say) -> None:
    """Until the guest stands: it died, or somebody stopped it."""
    run = session.target.run
    if run is not None and run.running:
        say("waiting for the guest to stop by itself")
        run.wait()
    stop = session.target.stop_reason
    say(f"the guest stands: {stop.text if stop else 'it does not say why'}")


def over(session: Session, recording: Recording) -> Session:
    """A session that reads through the recording."""
    recording.attach(session.target)
    program = Program(recording, session.program.modules)
    return Session(recording, program, config=session.config, image_note=session.image_note)


def record(session: Session, recording: Recording) -> Session:
    """Look at everything once. TargetGone and the like where the line breaks; what arrived is kept."""
    recorded = over(session, recording)
    for thread in recording.threads():
        _stack(recording, thread.id)
    for module in session.program.modules:
        verify(module.image, module.bias, recording.memory)
    recorded.snapshot(["threads", "log"])  # what matters most comes first
    for thread in recording.threads():
        with suppress(RegisterUnavailable, MemoryFault):
            recorded.backtrace(thread.id)
            recorded.disassemble(None, INSTRUCTIONS, thread.id)
    recorded.snapshot(VIEWS)
    recorded.packets()
    return recorded


def _stack(recording: Recording, thread: str) -> None:
    """The stack of a thread that has registers, as far as it can be read."""
    values: Mapping[str, int | None] = {}
    with suppress(RegisterUnavailable):
        values = recording.registers.read(thread) if recording.registers else {}
    pointer = next((found for name in POINTERS if (found := values.get(name))), 0)
    at = pointer - RED_ZONE
    while pointer and at < pointer + STACK_BYTES:
        size = min(pointer + STACK_BYTES, (at | 0xFFF) + 1) - at  # the page behind may not be mapped
        recording.space.read_many([(at, size)])
        at += size


def write(
    session: Session, recording: Recording, path: str, *, pack: bool, stopped_ns: int | None
) -> DumpReport:
    """A core of what was recorded, whole or not at all."""
    from unidbg.target.dump.writing import Mapped, Plan, Run

    pieces = recording.space.pieces()
    runs = [Run(piece.start, len(piece.data)) for piece in pieces]
    log = session.view("log")
    notes, vcpus = dumping.encode_notes(session, False, log)
    mapped = [Mapped(run.start, run.start, run.length) for run in runs]
    plan = Plan(recording.architecture, 64, notes, runs, mapped, physical=False, compact=True)
    ram = _Pieces({piece.start: piece.data for piece in pieces})
    written = dumping.write_file(plan, ram, path, pack=pack)
    memory_bytes = sum(run.length for run in runs)
    return DumpReport(
        path=path,
        memory_bytes=memory_bytes,
        digest=written.digest.hex(),
        intact=True,
        data_bytes=min(written.data_bytes, memory_bytes),
        vcpus=vcpus,
        access=recording.access,
        unreadable_bytes=0,
        stopped_ns=stopped_ns,
    )


class _Pieces:
    """`Ram` over what was recorded."""

    def __init__(self, pieces: dict[int, bytes]) -> None:
        self._pieces = pieces

    def untouched(self, address: int, length: int) -> bool:
        return False

    def fetch(self, address: int, length: int) -> bytes:
        return self._pieces[address]
