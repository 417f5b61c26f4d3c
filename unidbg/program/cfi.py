"""From one frame to its caller by call-frame information."""

from __future__ import annotations

from dataclasses import dataclass

from unidbg.program.program import Program
from unidbg.program.stepping import Step


@dataclass(frozen=True, slots=True)
class Outcome:
    """`known`: there is CFI for the frame.

    Then `step` is the caller, or `None` at the bottom or by `fault`.
    """

    known: bool
    step: Step | None = None
    fault: str = ""


def step(program: Program, frame: Step) -> Outcome:
    """The caller of `frame`."""
    return Outcome(False)
