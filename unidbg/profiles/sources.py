"""Puts lines of source to the frames and instructions of a view: files of this machine, not of the guest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from unidbg.program.sources import Sources
from unidbg.views.inspect import DisassemblyView, Instruction
from unidbg.views.system import Thread, ThreadsView

AROUND = 2
"""Lines before and after that of a frame."""


def threads_with_source(view: ThreadsView, sources: Sources) -> ThreadsView:
    """The view with the lines around each frame's."""
    return replace(view, threads=tuple(_thread(thread, sources) for thread in view.threads))


def _thread(thread: Thread, sources: Sources) -> Thread:
    frames = (
        replace(frame, source=sources.around(frame.pc, before=AROUND, after=AROUND))
        for frame in thread.frames
    )
    return replace(thread, frames=tuple(frames))


def code_with_source(view: DisassemblyView, sources: Sources) -> DisassemblyView:
    """The view with the line of source at each instruction that begins another one."""
    return replace(view, instructions=tuple(_instructions(view, sources)))


def _instructions(view: DisassemblyView, sources: Sources) -> Iterator[Instruction]:
    last: tuple[str | None, int | None] = (None, None)
    for one in view.instructions:
        place = (one.location.file, one.location.line)
        text = sources.around(one.location, before=0, after=0) if place != last else None
        last = place
        yield replace(one, source=text.lines[0] if text and text.lines else None)
