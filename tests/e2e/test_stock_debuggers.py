"""The real gdb and the real lldb against the stub of a running guest; afterwards the guest still ticks."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.e2e.guests import Boot, Booted

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(params=["", "aslr"], ids=["linked", "moved"])
def guest(boot: Boot, request: pytest.FixtureRequest) -> Booted:
    """Where it was linked, and where it moved itself: the debuggers learn that by qOffsets."""
    return boot("hello", append=str(request.param))


def run_debugger(command: list[str]) -> str:
    """All that the debugger prints; one that hangs or fails is a failure of the stub."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def gdb(guest: Booted, *commands: str, line: str | None = None) -> str:
    """gdb in batch mode, connected to the stub or to another line of the guest."""
    place = (line or guest.stub).removeprefix("unix:")
    lines = ["set confirm off", "set pagination off", f"target remote {place}", *commands]
    return run_debugger(
        ["gdb", "-nx", "-batch", str(guest.image), *(word for line in lines for word in ("-ex", line))]
    )


def lldb(guest: Booted, *commands: str) -> str:
    """lldb in batch mode, connected to the stub."""
    connect = f"process connect --plugin gdb-remote connect://{guest.stub}"
    lines = ["settings set auto-confirm true", connect, *commands]
    return run_debugger(
        ["lldb", "--no-lldbinit", "--batch", str(guest.image), *(w for line in lines for w in ("-o", line))]
    )


def test_gdb(guest: Booted) -> None:
    said = gdb(
        guest,
        "break heartbeat",
        "continue",
        "backtrace",
        "stepi",
        "next",
        "print heartbeats = 7000",
        "x/1wd &heartbeats",
        "info registers rip cr3",
        "delete",
        "detach",
    )
    assert "Breakpoint 1, heartbeat" in said
    assert re.search(r"#\d+ .*loop_run .*\n#\d+ .*libos_main", said), said
    assert re.search(r"<heartbeats>:\s+7000", said), said
    assert "detached" in said
    guest.wait_for_line(r"heartbeat 700[1-9]")


def test_lldb(guest: Booted) -> None:
    said = lldb(
        guest,
        "breakpoint set --name heartbeat",
        "continue",
        "thread backtrace",
        "thread step-inst",
        "memory write --size 8 `&heartbeats` 0x1f40",
        "target variable heartbeats",
        "breakpoint delete --force",
        "process detach",
    )
    assert "stop reason = breakpoint" in said, said
    assert re.search(r"frame #\d+: .*`loop_run", said), said
    assert "instruction step" in said, said
    assert re.search(r"heartbeats = 8000", said), said
    assert "detached" in said, said
    guest.wait_for_line(r"heartbeat 800[1-9]")
