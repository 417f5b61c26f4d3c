"""Debian's gdbserver: a stub of the usual kind, with no-ack mode, thread documents and no P packet."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.target.conftest import Counting
from unidbg.errors import MemoryFault, TargetError
from unidbg.target import open_target
from unidbg.target.rsptarget import RspTarget

pytestmark = pytest.mark.timeout(60)


def opened(process: Counting) -> RspTarget:
    target = open_target(process.line)
    assert isinstance(target, RspTarget)
    return target


def test_a_process(process: Counting) -> None:
    main, counter = process.addresses["main"], process.addresses["counter"]
    with closing(opened(process)) as target:
        assert (target.kind, target.architecture) == ("rsp", "x86_64")
        assert Path(target.exec_file() or "").name == "count"
        (thread,) = target.threads()
        assert thread.name == "count"
        target.run.insert_breakpoint(main)
        target.run.resume()
        assert target.run.wait(10.0).kind == "breakpoint"
        assert target.registers.read(thread.id)["rip"] == main
        assert target.run.step(thread.id).kind == "step"
        target.run.remove_breakpoint(main)
        target.run.resume()
        assert target.run.running
        assert target.run.stop().signal == 2
        target.memory.write(counter, bytes(4))
        assert target.memory.read(counter, 4) == bytes(4)
        target.registers.write(thread.id, "rbx", 0x1234)
        assert target.registers.read(thread.id)["rbx"] == 0x1234
        assert len(target.memory.read(main & ~0xFFF, 60000)) == 60000
        with pytest.raises(MemoryFault):
            target.memory.read(8, 8)
        with pytest.raises(TargetError):
            target.run.monitor("no such command")
        assert "monitor commands" in target.run.monitor("help")
