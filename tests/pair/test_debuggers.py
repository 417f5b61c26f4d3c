"""The real gdb and the real lldb against the stub's core on the host machine."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.stub_host import STUBS, HostBuild, Served

GDB = shutil.which("gdb")
LLDB = shutil.which("lldb")
PATIENCE = 90.0

needs_gdb = pytest.mark.skipif(GDB is None, reason="no gdb")
needs_lldb = pytest.mark.skipif(LLDB is None, reason="no lldb")


def run(command: list[str]) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def gdb_command(build: HostBuild, served: Served, *commands: str) -> list[str]:
    lines = ("set confirm off", "set width 0", f"target remote {served.address}", *commands)
    words = [word for line in lines for word in ("-ex", line)]
    return [str(GDB), "-nx", "-batch", str(build.image), *words]


def gdb(build: HostBuild, served: Served, *commands: str) -> str:
    return run(gdb_command(build, served, *commands))


@needs_gdb
def test_gdb_sees_threads_registers_and_memory(build: HostBuild, served: Served) -> None:
    said = gdb(
        build, served, "info threads", "thread 2", "info registers rax rbx rip", "p/x $cr0", "x/s text"
    )
    assert re.search(r"\* 1 +Thread 1 \"main\" \(running\)", said), said
    assert re.search(r"rax +<unavailable>", said), said
    assert re.search(r"rbx +0xb +11", said), said
    assert '"hello"' in said


@needs_gdb
def test_gdb_runs_steps_and_unwinds(build: HostBuild, served: Served) -> None:
    said = gdb(
        build,
        served,
        "break count",
        "continue",
        "backtrace",
        "stepi",
        "stepi",
        "print/x *(char *)count",
        "finish",
        "break copy",
        "continue",
        "stepi 5",
        "info symbol $pc",
        "print $rcx",
        "delete",
        "detach",
    )
    assert "hit Breakpoint 1, count ()" in said
    assert re.search(r"#0 +count .*\n#1 .* in tick .*\n#2 .* in guest_start", said), said
    assert "0x48" in said, "the original byte"
    assert "copy + 19 in section .text" in said
    assert "= 3" in said
    assert "detached" in said


@needs_gdb
def test_gdb_watches(build: HostBuild, served: Served) -> None:
    said = gdb(build, served, "watch counted", "continue", "continue", "hbreak count", "continue", "detach")
    values = [int(value) for value in re.findall(r"New value = (\d+)", said)]
    assert len(values) >= 2
    assert values[1] == values[0] + 1
    assert "hit Breakpoint 2, count" in said


@needs_gdb
def test_gdb_sees_why_the_guest_crashed(build: HostBuild, served: Served) -> None:
    said = gdb(build, served, "set var crash = crash_read", "continue", "monitor reason", "x/i $pc")
    assert "received signal SIGSEGV" in said
    assert "page fault: read of 0x1000, not mapped" in said
    assert "<crash_read+7>" in said


@needs_gdb
def test_gdb_reads_long_monitor_output(build: HostBuild, served: Served) -> None:
    said = gdb(build, served, "monitor lines", "detach")
    assert [line for line in said.splitlines() if line.startswith("line ")] == [
        f"line {n}" for n in range(1000)
    ]


@needs_gdb
def test_gdb_compares_and_searches_in_the_guest(build: HostBuild, served: Served) -> None:
    said = gdb(build, served, "break count", "compare-sections .text", "find &text, +100, 'l', 'o'", "detach")
    assert "matched" in said
    assert "<text+3>" in said


@needs_gdb
def test_gdb_shows_tables_of_the_guest(build: HostBuild, served: Served) -> None:
    said = gdb(build, served, "info os", "info os fruit", "info os threads", "detach")
    assert re.search(r"fruit +What is in the basket", said), said
    assert re.search(r"apple +100 +0x0\b", said), said
    assert re.search(r"2 +0 +idle <&\"> +waits", said), said


@needs_gdb
def test_gdb_leaves_conditions_and_dprintf_to_the_guest(build: HostBuild, served: Served) -> None:
    said = gdb(
        build,
        served,
        "set breakpoint condition-evaluation target",
        "set var counted = 0",
        "set dprintf-style agent",
        r'dprintf count,"now %d, %s\n", counted, &text[0]',
        "break tick if counted == 3",
        "continue",
        "print counted",
        "detach",
    )
    assert "now 0, hello\nnow 1, hello\nnow 2, hello\n" in said, said
    assert "hit Breakpoint 2, tick" in said
    assert "= 3" in said


@needs_gdb
def test_gdb_is_killed_at_a_breakpoint(build: HostBuild, served: Served) -> None:
    """The guest stays where it was, and another gdb takes over: it sees the code as it is."""
    command = gdb_command(build, served, "break count", "continue", "echo STOPPED\\n", "shell sleep 60")
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert first.stdout is not None
    for line in first.stdout:
        if "STOPPED" in line:
            break
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    said = gdb(build, served, "info symbol $pc", "x/2i $pc", "break tick", "continue", "delete", "detach")
    assert "count in section .text" in said
    assert "incq" in said
    assert "int3" not in said
    assert "hit Breakpoint 1, tick" in said
    assert served.alive()


@needs_lldb
def test_lldb(build: HostBuild, served: Served) -> None:
    lines = [
        f"process connect --plugin gdb-remote connect://{served.address}",
        "thread list",
        "register read rip cr0 xmm0",
        "breakpoint set --name count",
        "continue",
        "thread backtrace",
        "thread step-inst",
        "memory read --count 6 `&text`",
        "memory write `&buffer` 0x61 0x62 0x63",
        "memory read --count 3 `&buffer`",
        "expression ticks > 0",
        "breakpoint delete --force",
        "process detach",
    ]
    words = [word for line in lines for word in ("-o", line)]
    said = run([str(LLDB), "--no-lldbinit", "--batch", str(build.image), *words])
    assert re.search(r"thread #3: tid = (0x)?1234567", said), said
    assert "stop reason = breakpoint" in said
    assert re.search(r"frame #0: .*`count.*\n.*frame #1: .*`tick", said), said
    assert "instruction step" in said
    assert "68 65 6c 6c 6f 00" in said
    assert "61 62 63" in said
    assert "= true" in said
    assert "detached" in said


@needs_gdb
def test_gdb_knows_the_registers_of_the_least_of_stubs(build: HostBuild, tmp_path: Path) -> None:
    """It tells no registers: gdb takes those that it expects of the machine."""
    command = ["make", "-C", str(STUBS), "MINIMAL=1", f"BUILD={tmp_path}", "host"]
    subprocess.run(command, capture_output=True, check=True)
    least = HostBuild(tmp_path / "host" / "unidbg-host", build.image)
    with Served(least) as served:
        said = gdb(
            least,
            served,
            "break count",
            "continue",
            "backtrace",
            "stepi",
            "info symbol $pc",
            "print $mxcsr",
            "detach",
        )
    assert re.search(r"#0 +count .*\n#1 .* in tick .*\n#2 .* in guest_start", said), said
    assert "count + 7 in section .text" in said
    assert "IM DM ZM OM UM PM" in said


@needs_gdb
def test_gdb_loads_the_symbols_of_programs_that_were_loaded(build: HostBuild, tmp_path: Path) -> None:
    """qXfer:libraries: LLDB 14 does not ask for it."""
    source, program = tmp_path / "program.c", tmp_path / "program <1>.so"
    source.write_text("int loaded(int value) { return value + 1; }")
    subprocess.run(["cc", "-g", "-shared", "-nostdlib", "-fPIC", "-o", program, source], check=True)
    with Served(build, "--module", str(program)) as served:
        said = gdb(build, served, "info sharedlibrary", "info address loaded", "detach")
    assert re.search(r"0x0*400000 .*Yes +.*program <1>\.so", said), said
    assert re.search(r'"loaded" is a function at address 0x40[0-9a-f]+', said), said


@needs_gdb
def test_gdb_is_told_what_tracepoints_cannot_do(build: HostBuild) -> None:
    """`while-stepping`, and a file on the target."""
    steps = [
        "trace count",
        "actions 1",
        "while-stepping 3",
        "collect $regs",
        "end",
        "end",
        "tstart",
        "tsave -r x",
    ]
    with Served(build, "--trace") as served:
        done = subprocess.run(
            [str(GDB), "-nx", "-q", str(build.image)],
            input="\n".join(("set confirm off", f"target remote {served.address}", *steps, "detach", "")),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert "a tracepoint collects, and takes no steps" in done.stdout, done.stdout
    assert "Target does not support this command" in done.stdout, done.stdout
