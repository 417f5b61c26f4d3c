"""Dumps of guests that really ran: QEMU's own in each form, and ours, all show what the guest showed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.guests import Booted, boot_guest, run_unidbg
from unidbg.session import Session
from unidbg.transport.qmp import Qmp

pytestmark = pytest.mark.timeout(180)
VIEWS = ("memory", "devices", "boot", "app", "heap", "loop", "log", "threads")
LLDB_PYTHON = "/usr/lib/llvm-14/lib/python3.11/dist-packages"


@pytest.fixture(scope="module")
def stopped(sample: Any) -> Iterator[Booted]:
    """A guest of two vCPUs that QEMU keeps paused, so that nothing changes between two dumps."""
    with boot_guest(sample("hello"), ready="heartbeat 1", arguments=("-smp", "2")) as guest:
        with qmp(guest) as control:
            control.command("stop")
        yield guest


def qmp(guest: Booted) -> Qmp:
    return Qmp(guest.record.lines["qmp"].removeprefix("qmp:"))


def data(*words: str) -> Any:
    """What a command says as JSON, but for where it has it from."""
    done = run_unidbg(*words, "--json")
    assert done.returncode == 0, done.stderr
    found = without_origin(json.loads(done.stdout)["data"])
    if isinstance(found.get("threads"), list):  # QEMU's gdbstub begins with the one that it stopped at
        found["threads"].sort(key=lambda thread: thread["cpu"])
    return found


def without_origin(found: Any) -> Any:
    """The same without provenance, and without what a dump of QEMU's does not tell of a vCPU."""
    untold = ("provenance", "reason", "state", "name")
    if isinstance(found, dict):
        return {k: without_origin(v) for k, v in found.items() if k not in untold}
    return [without_origin(one) for one in found] if isinstance(found, list) else found


@pytest.fixture(scope="module")
def alive(stopped: Booted) -> dict[str, Any]:
    """The views of the guest itself, through QEMU's gdbstub."""
    return {name: data(name, stopped.gdbstub, "--image", str(stopped.image)) for name in VIEWS}


FORMS: dict[str, dict[str, Any]] = {
    "elf": {"paging": False},
    "elf with paging": {"paging": True},
    "kdump-zlib": {"paging": False, "format": "kdump-zlib"},
}


@pytest.mark.parametrize("form", FORMS)
def test_what_qemu_dumps(form: str, stopped: Booted, alive: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "dump"
    with qmp(stopped) as control:
        control.command("dump-guest-memory", protocol=f"file:{file}", timeout=60, **FORMS[form])
    for name in VIEWS:
        assert data(name, str(file), "--image", str(stopped.image)) == alive[name], name
    second = data("regs", str(file), "--thread", "2")
    assert second["thread"] == "2"


def test_plain_memory_with_its_root(stopped: Booted, alive: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "ram"
    root = alive["memory"]["page_table_root"]
    with qmp(stopped) as control:
        control.command("pmemsave", val=0, size=64 << 20, filename=str(file))
    for name in ("memory", "heap", "loop"):
        assert data(name, f"raw:{file},cr3={root}", "--image", str(stopped.image)) == alive[name], name
    refused = run_unidbg("bt", f"raw:{file}")
    assert (refused.returncode, "no registers" in refused.stderr) == (2, True)


@pytest.mark.parametrize("line", ["gdbstub", "qmp"])
@pytest.mark.parametrize("pack", [(), ("--zstd",)], ids=["plain", "zstd"])
def test_what_we_dump(
    line: str, pack: tuple[str, ...], stopped: Booted, alive: dict[str, Any], tmp_path: Path
) -> None:
    core = tmp_path / "hello.core"
    words = stopped.record.lines[line], "--image", str(stopped.image), "-o", str(core)
    done = run_unidbg("dump", *words, *pack)
    assert done.returncode == 0, done.stderr
    assert "2 vCPUs" in done.stdout
    for name in VIEWS:
        assert data(name, str(core)) == alive[name], name


def test_a_dump_of_a_dump_is_the_same(stopped: Booted, alive: dict[str, Any], tmp_path: Path) -> None:
    first, second = str(tmp_path / "kdump"), str(tmp_path / "second.core")
    with qmp(stopped) as control:
        control.command("dump-guest-memory", protocol=f"file:{first}", timeout=60, **FORMS["kdump-zlib"])
    assert run_unidbg("dump", first, "--image", str(stopped.image), "-o", second).returncode == 0
    assert run_unidbg("dump", second, "--check").returncode == 0
    for name in VIEWS:
        assert data(name, second) == alive[name], name


def core_of(guest: Booted, folder: Path) -> Path:
    """Our core of a guest that runs on."""
    core = folder / "guest.core"
    done = run_unidbg("dump", guest.stub, "--image", str(guest.image), "-o", str(core))
    assert done.returncode == 0, done.stderr
    assert "guest stopped for" in done.stdout
    return core


@pytest.fixture(scope="module")
def running(sample: Any) -> Iterator[Booted]:
    with boot_guest(sample("hello"), ready="heartbeat 1") as guest:
        yield guest


def test_a_guest_that_was_dumped_goes_on(running: Booted, tmp_path: Path) -> None:
    core_of(running, tmp_path)
    running.wait_for_life()


def test_gdb_opens_our_core(running: Booted, tmp_path: Path) -> None:
    core = core_of(running, tmp_path)
    commands = ("backtrace", "print heartbeats", "info registers rip")
    words = [word for line in commands for word in ("-ex", line)]
    said = subprocess.run(
        ["gdb", "-nx", "-batch", str(running.image), "-core", str(core), *words],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert re.search(r"#\d+ .*loop_run .*\n#\d+ .*libos_main .*\n#\d+ .*boot_entry", said.stdout), said.stdout
    assert re.search(r"\$1 = [1-9]", said.stdout), said.stdout
    assert "warning" not in said.stderr.lower(), said.stderr


@pytest.mark.skipif(shutil.which("lldb") is None, reason="no lldb")
def test_lldb_opens_our_core(running: Booted, tmp_path: Path) -> None:
    core = core_of(running, tmp_path)
    said = subprocess.run(
        ["lldb", "--no-lldbinit", "--batch", "-o", f"target create {running.image} --core {core}",
         "-o", "thread backtrace", "-o", "target variable heartbeats"],
        capture_output=True, text=True, timeout=60, check=False,
        env={"PYTHONPATH": LLDB_PYTHON, "PATH": "/usr/bin"},
    )  # fmt: skip
    assert re.search(r"`loop_run.*\n.*`libos_main.*\n.*`boot_entry", said.stdout), said.stdout
    assert "heartbeats = " in said.stdout


def test_the_way_through_the_stub_alone(
    running: Booted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No QEMU of this host, as far as the client knows: the memory comes over the UART."""
    from unidbg.cli import dumping
    from unidbg.program import dumping as memory
    from unidbg.program.dumping import Gathered

    monkeypatch.setattr(memory, "host_ram_behind", lambda url: None)
    whole = memory.gather

    def code_alone(*arguments: Any) -> Gathered:
        found = whole(*arguments)
        runs = [run._replace(start=0x100000, length=0x8000) for run in found.runs[:1]]
        assert found.way == "rsp"
        return found._replace(runs=runs)

    monkeypatch.setattr(memory, "gather", code_alone)
    core = tmp_path / "slow.core"
    with running.session() as session:
        dumped = dumping.dump(session, str(core), pack=False, tick=lambda done, total: None)
    assert dumped.unreadable_bytes == 0
    with Session.open(str(core)) as again:
        [module] = again.program.modules
        assert again.program.read(0x100000, 0x8000) == module.image.read(0x100000, 0x8000)


def test_attach_opens_a_dump(stopped: Booted, tmp_path: Path) -> None:
    core = tmp_path / "hello.core"
    made = run_unidbg("dump", stopped.gdbstub, "--image", str(stopped.image), "-o", str(core))
    assert made.returncode == 0, made.stderr
    shown = run_unidbg("attach", str(core))
    assert shown.returncode == 0, shown.stderr
    assert "by core" in shown.stdout


def test_every_inspect_command_works_on_a_dump(running: Booted, tmp_path: Path) -> None:
    core = str(core_of(running, tmp_path))
    for words in (
        ["regs", core], ["bt", core, "--all"], ["dis", core], ["x", core, "$rsp", "-f", "8gx"],
        ["print", core, "heartbeats"], ["overview", core], ["doctor", core], ["net", core], ["rings", core],
    ):  # fmt: skip
        done = run_unidbg(*words)
        assert done.returncode == 0, (words, done.stderr, done.stdout)
    refused = run_unidbg("monitor", core, "stats")
    assert (refused.returncode, "is not alive" in refused.stderr) == (2, True)


def test_the_image_of_another_build_is_refused(running: Booted, sample: Any, tmp_path: Path) -> None:
    core = core_of(running, tmp_path)
    done = run_unidbg("heap", str(core), "--image", str(sample("httpd")))
    assert done.returncode == 2
    assert "is not the image that runs in the guest" in done.stderr


def test_a_guest_that_dies_is_received(sample: Any, tmp_path: Path) -> None:
    """Over the UART alone: the dump waits for the crash, and shows what the dead guest showed."""
    core, image = tmp_path / "crash.core", sample("crash")
    append = "crash=null-write crash-after=2500"
    with boot_guest(image, append=append, ready="libos: ") as guest:
        words = ("dump", guest.stub, "--image", str(image), "-o", str(core), "--receive")
        done = run_unidbg(*words, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "the guest runs" in done.stderr
        assert "the guest died: page fault" in done.stderr
    assert core.stat().st_blocks * 512 < 512 << 10
    shown = run_unidbg("overview", str(core))
    assert "page fault: write to 0x10" in shown.stdout
    assert "crash_null_write" in shown.stdout
    assert "verified by build-id" in shown.stdout


@pytest.mark.parametrize("way", ["jump-to-null", "stack-overflow", "double-free"])
def test_a_crash_is_as_plain_in_a_dump(way: str, sample: Any, tmp_path: Path) -> None:
    """Whole and minimal: backtrace, culprit, reason, registers and heap are those of the dead guest."""
    image = sample("crash")
    whole, small = tmp_path / "whole.core", tmp_path / "small.core"
    with boot_guest(image, append=f"crash={way}", ready="panic|exception") as guest:
        for core, form in ((whole, ()), (small, ("--minimal",))):
            made = run_unidbg("dump", guest.stub, "--image", str(image), "-o", str(core), *form)
            assert made.returncode == 0, made.stderr
        for name in ("bt", "regs", "heap", "overview"):
            alive = data(name, guest.stub, "--image", str(image))
            if name == "overview":
                assert data(name, str(whole))["pc"] == data(name, str(small))["pc"] == alive["pc"]
                continue
            assert data(name, str(whole)) == alive, name
            assert data(name, str(small)) == alive, name
