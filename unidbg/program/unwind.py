"""Backtraces: by call-frame information, else by frame pointers, else by a guess that is labelled as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unidbg.program.program import Program
from unidbg.views.system import Frame


@dataclass(frozen=True, slots=True)
class Trace:
    """Frames, innermost first, and why the way up ended where it is not the natural end."""

    frames: tuple[Frame, ...]
    faults: tuple[str, ...]


def backtrace(program: Program, registers: Mapping[str, int | None]) -> Trace:
    return Trace((), ())
