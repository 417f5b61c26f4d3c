"""Tracepoints of stock gdb: defined, run and looked at in the guest, saved to a file, and read from it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pair.test_debuggers import gdb
from tests.support.stub_host import HostBuild, Served

pytestmark = pytest.mark.skipif(shutil.which("gdb") is None, reason="no gdb")

DEFINE = (
    "set var ticks = 0",
    "set var counted = 0",
    "tvariable $hits = 5",
    "trace count",
    "actions 1\ncollect counted, text\nteval $hits = $hits + 1\ncollect $hits\nend",
    "trace copy if counted % 2 == 1",
    "actions 2\ncollect $regs\nend",
)


@pytest.fixture
def traced(build: HostBuild) -> Iterator[Served]:
    """A guest whose port has memory for tracepoints."""
    with Served(build, "--trace") as server:
        yield server


def script(folder: Path, *lines: str) -> str:
    """A command that reads lines: actions take more than one."""
    path = folder / "commands.gdb"
    path.write_text("\n".join(lines) + "\n")
    return f"source {path}"


def test_gdb_collects_finds_and_saves(build: HostBuild, traced: Served, tmp_path: Path) -> None:
    saved = tmp_path / "frames"
    run = ("tstart", "break tick if ticks == 5", "continue", "tstop", "tstatus", "info tracepoints")
    look = ("tfind", "print counted", "print $hits", "tfind tracepoint 2", "print $rip", "tfind tracepoint 2")
    leave = ("tfind none", f"tsave {saved}", "detach")
    read = (f"target tfile {saved}", "tfind 2", "print counted", "print $hits")
    said = gdb(build, traced, script(tmp_path, *DEFINE, *run, *look, *leave, *read))
    assert "Collected 8 trace frames" in said, said
    assert "tracepoint already hit 5 times" in said
    assert re.search(r"Found trace frame 0, tracepoint 1\n.*\$1 = 0\n\$2 = 6\n", said, re.DOTALL), said
    assert "<copy>" in said
    assert re.search(r"Found trace frame 2, tracepoint 1\n.*= 1\n.*= 7\n", said, re.DOTALL), said


def test_a_run_outlives_its_client_if_it_is_to(build: HostBuild, traced: Served, tmp_path: Path) -> None:
    alone = ("set disconnected-tracing on", "set circular-trace-buffer on")
    gdb(build, traced, script(tmp_path, *DEFINE, *alone, "tstart", "detach"))
    said = gdb(build, traced, "tstatus", "info tracepoints", "tstop", "tfind", "print $hits")
    assert "Trace is running on the target" in said, said
    assert "collect counted, text" in said
    assert re.search(r"Found trace frame 0, tracepoint \d\n(.*\n)*\$1 = ", said), said


def test_where_a_frame_has_nothing_gdb_says_so(build: HostBuild, traced: Served, tmp_path: Path) -> None:
    run = (
        "tstart",
        "break tick if ticks == 2",
        "continue",
        "tstop",
        "tfind",
        "print ticks",
        "info registers rax",
    )
    said = gdb(build, traced, script(tmp_path, *DEFINE, *run, "tfind none", "delete", "detach"))
    assert said.count("<unavailable>") == 2, said
