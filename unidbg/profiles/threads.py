"""The vCPUs with their backtraces."""

from __future__ import annotations

from typing import NamedTuple

from unidbg.errors import TargetError
from unidbg.profiles.base import Context
from unidbg.profiles.blame import culprit
from unidbg.profiles.standing import explained, standing
from unidbg.program.unwind import backtrace
from unidbg.structures.faults import Faults
from unidbg.target.base import StopReason, ThreadInfo
from unidbg.views.system import Frame, Thread, ThreadsView

MAX_THREADS = 4096
OUR_STUB = "unidbg"


def threads(context: Context, *, variables: bool = False) -> ThreadsView:
    """Every thread that the target names; with the variables of their frames where wanted."""
    faults = Faults()
    infos = context.program.target.threads()
    if not infos:
        _say_why(context, faults)
    if len(infos) > MAX_THREADS:
        faults.add("threads", f"{len(infos)} threads: only the first {MAX_THREADS} are shown")
    dead = death(context)
    found = tuple(thread(context, info, dead, variables=variables) for info in infos[:MAX_THREADS])
    return ThreadsView(context.provenance, faults.all(), found)


def _say_why(context: Context, faults: Faults) -> None:
    """A target without threads knows why it has no registers."""
    try:
        context.program.registers("")
    except TargetError as error:
        faults.add("threads", str(error))


def thread(
    context: Context, info: ThreadInfo, dead: Death | None = None, *, variables: bool = False
) -> Thread:
    """One thread; what kept its backtrace from going on is in its `faults`."""
    try:
        registers = context.program.registers(info.id)
        trace = backtrace(context.program, registers, variables=variables)
        frames, faults = trace.frames, trace.faults
    except TargetError as error:
        frames, faults = (), (f"no registers: {error}",)
    blamed = culprit(context.program, frames, dead.at) if dead and dead.thread in ("", info.id) else None
    return Thread(
        id=info.id,
        name=info.name,
        cpu=info.cpu,
        state=state(context, info, blamed is not None),
        reason=_reason(context, info, dead, blamed),
        frames=frames,
        faults=faults,
        culprit=blamed,
        stack_margin_bytes=_margin(context, frames),
    )


def _margin(context: Context, frames: tuple[Frame, ...]) -> int | None:
    """Bytes from the stack pointer down to where the guest's stack ends, if it is that stack."""
    from unidbg.profiles.memory import stack_bounds

    bounds = stack_bounds(context) if frames else None
    if bounds is None or not bounds.start <= frames[0].sp < bounds.end:
        return None
    return frames[0].sp - bounds.start


class Death(NamedTuple):
    """Why the guest cannot go on, and in which thread (`""`: any).

    `at` is (pc, sp) of what failed, where the thread itself is elsewhere by now: in the guest's stub.
    """

    text: str
    thread: str
    at: tuple[int, int] | None


def death(context: Context) -> Death | None:
    """By the target's word, or by what the guest's stub has in memory."""
    stop = context.program.target.stop_reason
    if stop is not None and stop.kind == "exception" and not context.was_running:
        return Death(explained(context, stop.text), stop.thread, None)
    if context.program.target.kind == OUR_STUB:
        return None  # it would have said so
    told = standing(context)
    return None if told is None else Death(explained(context, told.text), "", (told.pc, told.sp))


def _reason(context: Context, info: ThreadInfo, dead: Death | None, blamed: int | None) -> str:
    """Why the guest stands, of the thread that it concerns."""
    stop = context.program.target.stop_reason
    if dead is not None:
        concerned = blamed is not None or (dead.at is None and dead.thread in ("", info.id))
        return dead.text if concerned else ""
    return reason(context, stop) if stop is not None and stop.thread in ("", info.id) else ""


def state(context: Context, info: ThreadInfo, is_dead: bool = False) -> str:
    """`halted` where the target says so, else what the guest does but for our own stop."""
    if "halted" in info.detail and not is_dead:
        return "halted"
    return "running" if context.was_running and not is_dead else "stopped"


def reason(context: Context, stop: StopReason | None) -> str:
    """Why the guest stands; nothing where it stands for us alone."""
    return "" if context.was_running or stop is None else stop.text
