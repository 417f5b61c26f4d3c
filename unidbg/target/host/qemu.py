"""`qmp:PATH`: a running QEMU of this host. Memory comes from its process, registers and stops by QMP.

A stop is as short as the copy; with `,racy` there is none. What QMP has no command for (steps, breakpoints)
goes through QEMU's gdbstub, which is opened when it is needed first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING

from unidbg.errors import ProtocolError, RegisterUnavailable, TargetError, TargetTimeout
from unidbg.target.base import Registers, RunControl, StopReason, ThreadInfo
from unidbg.target.dump.paged import Root, root_of
from unidbg.target.host.infocpus import CpuState, parse
from unidbg.target.host.pmemsave import PmemsaveWay
from unidbg.target.host.ram import host_blocks, host_space, ram_ranges
from unidbg.target.host.space import Block, HostSpace, LiveSpace
from unidbg.transport.qmp import Qmp

if TYPE_CHECKING:
    from unidbg.target.rsptarget import RspTarget

REGISTERS = "info registers -a"
POLL = 0.01
"""Seconds between two looks at whether the guest stands."""
STATES = {
    "paused": ("interrupt", "the guest is paused"),
    "debug": ("breakpoint", "the guest is being debugged"),
    "guest-panicked": ("exception", "the guest has panicked"),
    "internal-error": ("exception", "QEMU cannot go on with the guest: an internal error"),
    "shutdown": ("exited", "the guest has shut down"),
    "prelaunch": ("interrupt", "the guest has not been started yet"),
    "io-error": ("exception", "the guest is paused by an error of a disk"),
}
"""Run state of QEMU to kind and text of the stop."""


class QemuTarget:
    """See `unidbg.target.base.Target`."""

    kind = "qemu"

    def __init__(self, url: str, qmp: Qmp, *, racy: bool, gdbstub: Callable[[], RspTarget]) -> None:
        """`gdbstub` opens QEMU's gdbstub. TargetError where no way of reading works."""
        self.url = url
        self._qmp = qmp
        self.physical = _memory(qmp)
        self.access = f"qmp, {self.physical.way.name}"
        self.architecture = _architecture(qmp)
        self.generation = 0
        self._cpus: tuple[int, list[CpuState]] | None = None
        self.memory = LiveSpace(self.physical, self._root)
        self.control = QmpRun(self, qmp, gdbstub)
        self.run: RunControl | None = None if racy else self.control
        self.registers: Registers | None = QemuRegisters(self)
        self._closed = False

    def _root(self) -> Root | None:
        states = self.cpus()
        return root_of(states[0].registers) if states else None

    def cpus(self) -> list[CpuState]:
        """All vCPUs as they are now; kept while the guest stands."""
        if self._cpus is None or self._cpus[0] != self.generation or self.control.running:
            self.learn(self._qmp.human(REGISTERS))
        assert self._cpus is not None
        return self._cpus[1]

    def learn(self, registers: str) -> None:
        """All vCPUs as QEMU printed them now."""
        self._cpus = (self.generation, parse(registers))

    def changed(self) -> None:
        """The guest stopped or goes on: nothing that was learnt holds any more."""
        self._cpus = None
        self.memory.forget()

    @property
    def consistent(self) -> bool:
        """True while the guest stands."""
        return not self.control.running

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the guest stands, `None` while it runs."""
        return self.control.stop_reason

    def threads(self) -> Sequence[ThreadInfo]:
        """The vCPUs, named as QEMU's gdbstub names them."""
        return [
            ThreadInfo(
                str(cpu.number + 1), f"CPU#{cpu.number}", cpu.number, "halted" if cpu.halted else "running"
            )
            for cpu in self.cpus()
        ]

    def exec_file(self) -> str | None:
        """QEMU does not tell."""
        return None

    def close(self) -> None:
        """Leave the guest as it was found. Idempotent."""
        if self._closed:
            return
        self._closed = True
        try:
            self.control.close()
        finally:
            self.physical.close()
            self._qmp.close()


class QemuRegisters:
    """Registers as `info registers` gives them; those of a running guest are of the moment of asking."""

    def __init__(self, target: QemuTarget) -> None:
        self._target = target

    def read(self, thread: str) -> Mapping[str, int | None]:
        """All registers of a vCPU (`""`: the first)."""
        for cpu in self._target.cpus():
            if thread in ("", str(cpu.number + 1)):
                return dict(cpu.registers)
        raise RegisterUnavailable("all", f"QEMU tells of no vCPU {thread}")


class QmpRun:
    """Run control by QMP."""

    def __init__(self, target: QemuTarget, qmp: Qmp, gdbstub: Callable[[], RspTarget]) -> None:
        self._target, self._qmp, self._open_gdbstub = target, qmp, gdbstub
        self._rsp: RspTarget | None = None
        self._state = self._ask()
        self._ran_before = self.running

    def _ask(self) -> str:
        return str(self._qmp.command("query-status").get("status", ""))

    @property
    def running(self) -> bool:
        """True while the guest executes, as far as we know: what we did last."""
        return self._state == "running"

    @property
    def stop_reason(self) -> StopReason | None:
        if self.running:
            return None
        kind, text = STATES.get(self._state, ("unknown", f"QEMU says: {self._state}"))
        return StopReason("1", 2 if kind == "interrupt" else 0, kind, text)

    def stop(self) -> StopReason:
        """Pause all vCPUs."""
        if self.running:
            self._qmp.send("stop")
            self._qmp.send("human-monitor-command", **{"command-line": REGISTERS})  # they will be wanted
            try:
                self._qmp.answer("stop")
            finally:
                registers = str(self._qmp.answer("human-monitor-command"))
            self._state = "paused"
            self._target.changed()
            self._target.learn(registers)
        reason = self.stop_reason
        assert reason is not None
        return reason

    def resume(self) -> None:
        """Let them go on."""
        self._qmp.command("cont")
        self._state = "running"
        self._target.generation += 1
        self._target.changed()

    @property
    def stood_ns(self) -> int | None:
        """How long the guest stood the last time, by QEMU's own clock; `None` where it does not tell."""
        stopped, resumed = (self._qmp.events.get(name, 0) for name in ("STOP", "RESUME"))
        return (resumed - stopped) * 1000 if 0 < stopped < resumed else None

    def wait(self, timeout: float | None = None) -> StopReason:
        """Until the guest stands."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (state := self._ask()) == "running":
            if deadline is not None and time.monotonic() >= deadline:
                raise TargetTimeout(f"the guest did not stop within {timeout:g} s")
            time.sleep(POLL)
        self._state = state
        self._target.changed()
        reason = self.stop_reason
        assert reason is not None
        return reason

    def stopped(self) -> AbstractContextManager[StopReason]:
        """The guest stands inside the block and afterwards is as it was."""
        return self._stopped()

    @contextmanager
    def _stopped(self) -> Iterator[StopReason]:
        ran = self.running
        reason = self.stop()
        try:
            yield reason
        finally:
            if ran:
                self.resume()

    def _stub(self) -> RunControl:
        """QEMU's gdbstub, for what QMP cannot do."""
        if self._rsp is None:
            self._rsp = self._open_gdbstub()
        self._target.changed()
        return self._rsp.run

    def step(self, thread: str) -> StopReason:
        """One instruction of one vCPU."""
        reason = self._stub().step(thread)
        self._target.generation += 1
        return reason

    def insert_breakpoint(self, address: int) -> None:
        """At a virtual address, through the gdbstub."""
        self._stub().insert_breakpoint(address)

    def remove_breakpoint(self, address: int) -> None:
        """Take it out again."""
        self._stub().remove_breakpoint(address)

    def monitor(self, command: str) -> str:
        """What QEMU's human monitor answers."""
        return self._qmp.human(command)

    def close(self) -> None:
        """Run on, if it ran."""
        try:
            if self._rsp is not None:
                self._rsp.close()
        finally:
            if self._ran_before and not self.running:
                self.resume()


def _memory(qmp: Qmp) -> HostSpace:
    """The guest's RAM: from the process, else saved by QEMU piece by piece."""
    pid = qmp.peer()
    try:
        blocks = host_blocks(qmp.human) if pid else []
    except (ValueError, ProtocolError):
        blocks = []
    if pid and blocks:
        with suppress(TargetError):
            return host_space(pid, blocks)
    blocks = [Block(start, length, start) for start, length in ram_ranges(qmp.human("info mtree -f"))]
    if not blocks:
        raise TargetError(f"qmp:{qmp.path}: QEMU does not tell where the guest's memory is")
    return HostSpace(PmemsaveWay(qmp), blocks)


def _architecture(qmp: Qmp) -> str:
    arch = str(qmp.command("query-target").get("arch", ""))
    return arch if arch in ("x86_64", "aarch64", "i386") else ""
