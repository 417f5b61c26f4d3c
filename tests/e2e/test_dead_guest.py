"""A booted guest dies with nobody attached, and its core is taken over the UART alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.guests import Boot, Booted, boot_guest, network, run_unidbg
from tests.e2e.test_dumps import LLDB_PYTHON, without_origin
from tests.support.dying import send_nowhere
from unidbg.errors import ConfigError
from unidbg.session import Session
from unidbg.target.guests import launch, stop
from unidbg.transport import qemu

pytestmark = pytest.mark.timeout(180)
DEAD = "exception 14"
ENOUGH = 1 << 20
"""Bytes of a core of 64 MiB after which the receiver is killed."""
COMMANDS = (
    *(["overview"], ["bt", "--all"], ["regs"], ["dis"], ["heap"], ["memory"], ["loop"], ["boot"], ["app"]),
    *(["log"], ["threads"], ["devices"], ["security"], ["cloud"], ["orchestration"], ["runtime"], ["net"]),
    *(["rings"], ["diagnose"], ["doctor"], ["x", "$rsp", "-f", "8gx"], ["print", "heartbeats"]),
    *(["whatis", "$rsp"], ["find", "--text", "heartbeat"]),
)


SERVER = (
    *("heap", "memory", "loop", "boot", "app", "log", "threads", "devices", "security", "cloud"),
    *("orchestration", "runtime", "net", "rings"),
)


class Taken(NamedTuple):
    """Cores of a guest that died, and its image."""

    minimal: str
    full: str
    image: Path


def receive(guest: Booted, core: Path, *form: str) -> subprocess.CompletedProcess[str]:
    return run_unidbg("dump", guest.stub, "--image", str(guest.image), "-o", str(core), "--receive", *form)


@pytest.fixture(scope="module")
def taken(sample: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """The image has moved itself, so that who finds it knows more than where it is linked."""
    image, folder = sample("crash"), tmp_path_factory.mktemp("dead")
    with boot_guest(image, append="crash=null-write aslr", ready=DEAD) as guest:
        for name, form in (("minimal", ()), ("full", ("--full",))):
            done = receive(guest, folder / name, *form)
            assert done.returncode == 0, done.stderr
            assert "the guest died: page fault: write to 0x10" in done.stderr
    return Taken(str(folder / "minimal"), str(folder / "full"), image)


def gdb(image: Path, core: str, *commands: str) -> str:
    words = [word for command in (*commands, "bt") for word in ("-ex", command)]
    said = subprocess.run(
        ["gdb", "-nx", "-batch", str(image), "-core", core, *words],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "warning" not in said.stderr.lower(), said.stderr
    return said.stdout.rpartition("\n#0")[2]


CHAIN = r" .*crash_null_write .*\n#1 .*crash_now .*\n(#\d .*\n)*#\d .*libos_main .*\n#\d .*boot_entry"


@pytest.mark.parametrize("form", ["minimal", "full"])
def test_debuggers_open_it(form: str, taken: Taken) -> None:
    """gdb does not see by itself that an image has moved."""
    core = getattr(taken, form)
    with Session.open(core) as session:
        bias = session.program.modules[0].bias
    assert bias
    shown = gdb(taken.image, core, f"symbol-file -o {bias} {taken.image}")
    assert re.match(CHAIN, shown), shown
    said = subprocess.run(
        ["lldb", "--no-lldbinit", "--batch", "-o", f"target create {taken.image} --core {core}", "-o", "bt"],
        capture_output=True, text=True, timeout=60, check=False,
        env={"PYTHONPATH": LLDB_PYTHON, "PATH": "/usr/bin"},
    )  # fmt: skip
    assert re.search(r"`crash_null_write.*\n.*`crash_now.*\n.*`loop_run.*\n.*`libos_main", said.stdout)


@pytest.mark.parametrize("form", ["minimal", "full"])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_every_command_works_on_it(words: list[str], form: str, taken: Taken) -> None:
    done = run_unidbg(words[0], getattr(taken, form), *words[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "absent" not in done.stdout
    assert "cut off" not in done.stdout


def test_both_forms_show_the_same(taken: Taken) -> None:
    for name in ("heap", "memory", "loop", "boot", "devices", "log", "bt", "regs"):
        shown = []
        for core in (taken.minimal, taken.full):
            found = json.loads(run_unidbg(name, core, "--json").stdout)
            shown.append((found["data"] | {"provenance": None}, found["faults"]))
        assert shown[0] == shown[1], name


@pytest.mark.parametrize("machine", ["q35", "microvm"])
def test_a_server_has_every_view_in_the_minimal_form(machine: str, boot: Boot, tmp_path: Path) -> None:
    append = "callsites" + (" poll=100us" if machine == "microvm" else "")
    guest = boot("httpd", machine=machine, append=append, ready="serving port 80", arguments=network(machine))
    with urllib.request.urlopen(f"http://127.0.0.1:{guest.forwarded_port()}/", timeout=30) as answer:
        answer.read()
    send_nowhere(guest.stub)
    guest.wait_for_line(DEAD)
    for attempt in range(5):  # the device takes packets into the rings for as long as peers try again
        core = tmp_path / f"{attempt}.core"
        before = shown(guest, None)
        assert receive(guest, core).returncode == 0
        if shown(guest, None) == before:
            break
    else:
        pytest.fail("what the guest shows never stands still")
    assert core.stat().st_size < 300 << 10
    dead = shown(guest, str(core))
    for name in SERVER:
        assert dead[name] == before[name], name


def shown(guest: Booted, core: str | None) -> dict[str, object]:
    """The data and the faults of each view, of a dump or of the guest itself."""
    found = {name: json.loads(guest.unidbg(name, core, "--json").stdout) for name in SERVER}
    return {name: (without_origin(view["data"]), view["faults"]) for name, view in found.items()}


def test_blocks_of_the_heap_are_in_the_full_form(taken: Taken) -> None:
    for words in (("heap", "--blocks"), ("leaks",)):
        done = run_unidbg(words[0], taken.full, *words[1:])
        assert done.returncode == 0, done.stderr
    assert run_unidbg("dump", taken.full, "--check").returncode == 0
    assert run_unidbg("dump", taken.minimal, "--check").returncode == 0


def test_a_receiver_that_is_killed_goes_on(boot: Boot, tmp_path: Path) -> None:
    guest = boot("crash", append="crash=null-write", ready=DEAD)
    core, partial = tmp_path / "x.core", tmp_path / "x.core.partial"
    words = [*guest.command("dump"), "-o", str(core), "--receive", "--full"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not partial.exists() or partial.stat().st_size < ENOUGH:
            assert time.monotonic() < deadline
            assert process.poll() is None, "it is done before it could be killed"
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    size = partial.stat().st_size
    shown = run_unidbg("bt", str(partial), "--image", str(guest.image))
    assert "crash_null_write" in shown.stdout, shown.stderr
    assert "cut off" in shown.stdout
    done = receive(guest, core, "--full")
    assert done.returncode == 0, done.stderr
    assert int(re.search(r"(\d+) of them are here already", done.stderr)[1]) >= size  # type: ignore[index]
    assert run_unidbg("dump", str(core), "--check").returncode == 0
    assert re.match(CHAIN, gdb(guest.image, str(core)))
    assert "crash_null_write" in guest.unidbg("bt").stdout  # a debugger can still come


@pytest.mark.parametrize("comes", [True, False])
def test_a_guest_with_patience_switches_itself_off(
    comes: bool, sample: Callable[[str], Path], tmp_path: Path
) -> None:
    patience = 60_000 if comes else 500
    record = launch(
        str(sample("crash")),
        append=f"crash=null-write crash-patience={patience}",
        accelerator="tcg",
        port=0,
        network=None,
    )
    try:
        if comes:
            done = receive(Booted(record, sample("crash")), tmp_path / "x.core")
            assert done.returncode == 0, done.stderr
        deadline = time.monotonic() + 60
        while qemu.running(record.pid):
            assert time.monotonic() < deadline, "it still waits"
            time.sleep(0.05)
    finally:
        with suppress(ConfigError):  # it has ended
            stop(record.name)
