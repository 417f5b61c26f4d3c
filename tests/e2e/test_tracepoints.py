"""Stock gdb traces a booted guest, which does not stop for it, and reads its memory as it runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.guests import Boot, Booted
from tests.pair.test_nonstop import Gdb

pytestmark = pytest.mark.skipif(shutil.which("gdb") is None, reason="no gdb")


def gdb(guest: Booted, folder: Path, *lines: str) -> str:
    """What a gdb says that runs a script on the stub."""
    script = folder / "commands.gdb"
    script.write_text(
        "\n".join(("set confirm off", "set width 0", f"target remote {guest.stub}", *lines)) + "\n"
    )
    command = ["gdb", "-nx", "-batch", str(guest.image), "-x", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_gdb_traces_a_guest_that_runs_on(boot: Boot, tmp_path: Path) -> None:
    guest = boot("hello", ready="heartbeat 1,")
    collect = "actions 1\ncollect heartbeats, $regs\nend"
    gdb(guest, tmp_path, "trace heartbeat", collect, "set disconnected-tracing on", "tstart", "detach")
    guest.wait_for_life()
    guest.wait_for_life()
    guest.wait_for_life()
    look = (
        "tstop",
        "tstatus",
        "tfind",
        "print heartbeats",
        "info registers rip",
        "tfind",
        "print heartbeats",
    )
    said = gdb(guest, tmp_path, *look, "tfind none", f"tsave {tmp_path / 'frames'}", "detach")
    first, second = (int(value) for value in re.findall(r"\$\d+ = (\d+)", said))
    assert second == first + 1, said
    assert "<heartbeat>" in said
    saved = ["gdb", "-nx", "-batch", str(guest.image), "-ex", f"target tfile {tmp_path / 'frames'}"]
    read = subprocess.run(
        [*saved, "-ex", "tfind 1", "-ex", "print heartbeats"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"= {second}\n" in read.stdout, read.stdout + read.stderr
    guest.wait_for_life()


def test_gdb_reads_a_guest_without_stopping_it(boot: Boot) -> None:
    guest = boot("hello", ready="heartbeat 1,")
    with closing(Gdb(str(guest.image))) as session:
        session.type(f"target remote {guest.stub}")
        while "(running)" not in session.ask("info threads", r"1 +Thread 1.*\n"):
            pass
        before = int(session.ask("print/d heartbeats", r"\$\d+ = \d+\n").split()[-1])
        guest.wait_for_life()
        guest.wait_for_life()
        assert int(session.ask("print/d heartbeats", r"\$\d+ = \d+\n").split()[-1]) > before
        session.ask("info os heap", r"allocated")
        session.ask("detach", r"detached\]")
    guest.wait_for_life()
