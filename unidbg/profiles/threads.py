"""The vCPUs with their backtraces."""

from __future__ import annotations

from unidbg.errors import TargetError
from unidbg.profiles.base import Context
from unidbg.program.unwind import backtrace
from unidbg.structures.faults import Faults
from unidbg.target.base import StopReason, ThreadInfo
from unidbg.views.system import Thread, ThreadsView

MAX_THREADS = 4096


def threads(context: Context, *, variables: bool = False) -> ThreadsView:
    """Every thread that the target names; with the variables of their frames where wanted."""
    faults = Faults()
    infos = context.program.target.threads()
    if not infos:
        _say_why(context, faults)
    if len(infos) > MAX_THREADS:
        faults.add("threads", f"{len(infos)} threads: only the first {MAX_THREADS} are shown")
    found = tuple(thread(context, info, variables=variables) for info in infos[:MAX_THREADS])
    return ThreadsView(context.provenance, faults.all(), found)


def _say_why(context: Context, faults: Faults) -> None:
    """A target without threads knows why it has no registers."""
    try:
        context.program.registers("")
    except TargetError as error:
        faults.add("threads", str(error))


def thread(context: Context, info: ThreadInfo, *, variables: bool = False) -> Thread:
    """One thread; what kept its backtrace from going on is in its `faults`."""
    stop = context.program.target.stop_reason
    mine = stop is not None and stop.thread in ("", info.id)
    try:
        registers = context.program.registers(info.id)
        trace = backtrace(context.program, registers, variables=variables)
        frames, faults = trace.frames, trace.faults
    except TargetError as error:
        frames, faults = (), (f"no registers: {error}",)
    return Thread(
        id=info.id,
        name=info.name,
        cpu=info.cpu,
        state=state(context, info),
        reason=reason(context, stop) if mine else "",
        frames=frames,
        faults=faults,
    )


def state(context: Context, info: ThreadInfo) -> str:
    """`halted` where the target says so, else what the guest does but for our own stop."""
    if "halted" in info.detail:
        return "halted"
    return "running" if context.was_running else "stopped"


def reason(context: Context, stop: StopReason | None) -> str:
    """Why the guest stands; nothing where it stands for us alone."""
    return "" if context.was_running or stop is None else stop.text
