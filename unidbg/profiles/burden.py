"""What a question costs a guest that stands while it is answered: said before, where it is much."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from unidbg.errors import MemoryFault
from unidbg.profiles.areas import live_areas
from unidbg.profiles.base import Context
from unidbg.profiles.probe import decode
from unidbg.program.refresh import SLOW
from unidbg.views.base import Absent, View
from unidbg.views.system import HeapView

SAMPLE = 4096
"""Bytes of code that are read to learn how fast the line is."""
LEAST = 3e-6
"""Seconds for a byte, at least: a cache may have had the sample."""


Function = Callable[[Context], View | Absent]


class Burden(NamedTuple):
    """Bytes to be read while the guest stands, and seconds that this will take."""

    bytes: int
    seconds: float


def announced(leaks: Function, tell: Callable[[Burden], None] | None) -> Function:
    """`leaks`, with a word before about what it costs."""

    def function(context: Context) -> View | Absent:
        burden = burden_of_leaks(context) if tell is not None else None
        if burden is not None and tell is not None:
            tell(burden)
        return leaks(context)

    return function


def burden_of_leaks(context: Context) -> Burden | None:
    """The heap and all that can point into it; `None` where that is no matter: the line is fast, say."""
    if not context.was_running or context.program.target.kind not in SLOW:
        return None
    heap = decode(context._replace(detail="brief"), "heap")
    size = sum(area.end - area.start for area in live_areas(context))
    size += heap.current - heap.start if isinstance(heap, HeapView) else 0
    return Burden(size, size * _seconds_for_a_byte(context))


def _seconds_for_a_byte(context: Context) -> float:
    program = context.program
    ranges = [r for m in program.modules for r in ((m.run_address(a), e - a) for a, e in m.image.text_ranges)]
    sample = max(ranges, key=lambda found: found[1], default=(0, 0))
    size = min(SAMPLE, sample[1])
    start = time.perf_counter()
    try:
        program.read(sample[0] + (sample[1] - size) // 2, size)
    except MemoryFault:
        size = 0
    return max(LEAST, (time.perf_counter() - start) / size if size else 0.0)
