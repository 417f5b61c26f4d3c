"""The samples as Linux processes: debuggers, views, the network, signals, and all that under sanitizers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.guests import Booted, run_unidbg
from unidbg.conform import conform
from unidbg.session import Session
from unidbg.target.guests import Forward, launch, stop
from unidbg.target.registry import GuestRecord
from unidbg.views.base import Absent
from unidbg.views.system import MemoryView

SAMPLES = ROOT / "samples"
SLIRP = (
    subprocess.run(
        ["gcc", "-E", "-x", "c", "-"], input="#include <slirp/libslirp.h>\n", text=True, capture_output=True
    ).returncode
    == 0
)
needs_slirp = pytest.mark.skipif(not SLIRP, reason="needs libslirp-dev")
HARDWARE = {"Z1: hardware", "Z2: watches writes", "Z3: watches reads", "Z4: watches both"}
"""What a process has no registers for."""


@pytest.fixture(scope="module")
def built(sample: Callable[[str], Path]) -> Path:
    """The folder of the hosted samples."""
    sample("hosted")
    return SAMPLES / "build" / "hosted"


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same under ASan and UBSan."""
    folder = tmp_path_factory.mktemp("sanitized")
    done = subprocess.run(
        ["make", "-C", SAMPLES, "hosted", "SANITIZE=1", f"HOSTED={folder}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def start(image: Path, *forwards: Forward) -> Booted:
    return Booted(launch(str(image), port=0, network=forwards), image)


@pytest.fixture
def hello(built: Path) -> Iterator[Booted]:
    guest = start(built / "hello.elf")
    yield guest
    end(guest.record)


@pytest.fixture
def httpd(built: Path) -> Iterator[Booted]:
    guest = start(built / "httpd.elf", Forward("tcp", 0, 80), Forward("udp", 0, 7))
    yield guest
    end(guest.record)


def end(record: GuestRecord) -> None:
    """End it; it must have lived, and no sanitizer may have said anything."""
    messages = Path(record.folder, "messages.log").read_text(errors="replace")
    alive = record.alive
    stop(record.name)
    assert alive, messages
    assert "Sanitizer" not in messages
    assert "runtime error" not in messages, messages


def get(guest: Booted, path: str) -> bytes:
    port = guest.record.forwards[0][1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        data = answer.read()
        assert isinstance(data, bytes)
        return data


@needs_slirp
def test_the_network_reaches_it(httpd: Booted) -> None:
    assert get(httpd, "/healthz") == b"ok\n"
    assert len(get(httpd, "/blob")) == 1 << 20
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(b"echo", ("127.0.0.1", httpd.record.forwards[1][1]))
        assert sock.recv(100) == b"echo"


@needs_slirp
def test_curl(httpd: Booted) -> None:
    port = httpd.record.forwards[0][1]
    done = subprocess.run(
        ["curl", "-s", "-m", "10", f"http://127.0.0.1:{port}/healthz"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "ok\n")


@needs_slirp
def test_every_view(httpd: Booted) -> None:
    get(httpd, "/healthz")
    with httpd.session(httpd.name) as session:
        for name in Session.VIEWS:
            view = session.view(name)
            assert not isinstance(view, Absent), (name, view.reason)
        threads = session.backtrace().threads
    assert "libos_main" in [frame.pc.symbol for frame in threads[0].frames]


def test_what_a_process_has_not_is_absent_with_a_reason(hello: Booted) -> None:
    with hello.session() as session:
        memory = session.view("memory")
        assert isinstance(memory, MemoryView)
        assert memory.code is not None
        assert (memory.page_table_root, memory.pages, memory.regions) == (None, None, ())
        [fault] = memory.faults
        assert "a process has no control registers" in fault.reason
        registers = session.target.registers
        assert registers is not None
        values = registers.read("")
    assert values["rip"] is not None
    assert {values[name] for name in ("cr0", "cr2", "cr3", "cr4", "efer")} == {None}


def test_it_conforms_but_for_hardware(hello: Booted) -> None:
    report = conform(hello.stub)
    assert report.conforms
    assert {one.name for one in report.capabilities if one.verdict != "yes"} == HARDWARE
    hello.wait_for_life()


@pytest.mark.skipif(shutil.which("gcore") is None, reason="no gcore")
def test_a_core_of_the_process(hello: Booted, tmp_path: Path) -> None:
    """Linux leaves unchanged code out of it: what is missing is read from the image."""
    subprocess.run(["gcore", "-o", tmp_path / "core", str(hello.record.pid)], check=True, capture_output=True)
    core = f"{tmp_path / 'core'}.{hello.record.pid}"
    for name in (*(one for one in Session.VIEWS if one != "memory"), "leaks", "bt", "dis", "diagnose"):
        done = run_unidbg(name, core, "--image", str(hello.image))
        assert done.returncode == 0, (name, done.stderr)
    assert "loop_run" in run_unidbg("bt", core, "--image", str(hello.image)).stdout


def test_run_ls_and_stop(built: Path) -> None:
    started = run_unidbg("run", "--detach", "--name", "process", str(built / "hello.elf"))
    assert started.returncode == 0, started.stderr
    try:
        assert "@process runs: stub 127.0.0.1:" in started.stderr
        assert re.search(r"@process +running.*hosted", run_unidbg("ls").stdout)
        assert "hello" in run_unidbg("overview", "@process").stdout
    finally:
        assert run_unidbg("stop", "@process").returncode == 0
    refused = run_unidbg("run", "--detach", "--memory", "1G", str(built / "hello.elf"))
    assert refused.returncode == 2
    assert "there is no --memory for it" in refused.stderr


def gdb(guest: Booted, *commands: str) -> str:
    words = [word for one in (f"target remote {guest.stub}", *commands) for word in ("-ex", one)]
    done = subprocess.run(
        ["gdb", "-nx", "-batch", "-ex", "set confirm off", *words, str(guest.image)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.skipif(not shutil.which("gdb"), reason="needs gdb")
def test_gdb(hello: Booted) -> None:
    said = gdb(
        hello,
        "break log_line",
        "continue",
        "backtrace",
        "finish",
        "delete",
        "stepi",
        "print string_equal(app_config.name, app_config.name)",
        "x/1xb 0",
        "monitor stats loop",
        "detach",
    )
    assert re.search(r"Breakpoint 1, .*log_line", said), said
    assert re.search(r"#\d+ .* libos_main", said), said
    assert "= true" in said
    assert "Cannot access memory at address 0x0" in said
    assert "loop.iterations=" in said
    hello.wait_for_life()


@pytest.mark.skipif(not shutil.which("lldb"), reason="needs lldb")
def test_lldb(hello: Booted) -> None:
    commands = [
        f"process connect --plugin gdb-remote connect://{hello.stub}",
        "breakpoint set --name log_line",
        "continue",
        "thread backtrace",
        "breakpoint delete --force",
        "process detach",
    ]
    words = [word for one in commands for word in ("-o", one)]
    done = subprocess.run(
        ["lldb", "-x", "-b", str(hello.image), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
    )
    assert "stop reason = breakpoint" in done.stdout, done.stdout
    assert "libos_main" in done.stdout
    hello.wait_for_life()


CRASHES = {
    "write to 8": (bytes.fromhex("c704250800000001000000"), 11, "page fault: write to 0x8"),
    "ud2": (b"\x0f\x0b", 4, "invalid opcode"),
    "div": (b"\x31\xc9\xf7\xf1", 8, "divide error"),
    "int3": (b"\xcc", 5, ""),
    "hlt": (b"\xf4", 11, "general protection"),
}


@pytest.mark.parametrize("what", CRASHES)
def test_signals_are_traps(hello: Booted, what: str) -> None:
    """Code that traps in place of the guest's; everything is put back, and it goes on."""
    code, number, text = CRASHES[what]
    with hello.session() as session:
        run = session.target.run
        assert run is not None
        run.stop()
        registers = session.target.registers.read("")  # type: ignore[union-attr]
        pc, flags = registers["rip"], registers["eflags"]
        assert pc is not None
        assert flags is not None
        before = session.target.memory.read(pc, len(code))
        session.target.memory.write(pc, code)  # type: ignore[attr-defined]
        run.resume()
        reason = run.wait(10.0)
        assert reason.signal == number
        assert text in reason.text
        session.target.memory.write(pc, before)  # type: ignore[attr-defined]
        for name in ("rip", "rcx", "eflags", "rax"):
            session.target.registers.write("", name, registers[name])  # type: ignore[union-attr]
        run.resume()
    hello.wait_for_life()


def test_clients_that_vanish(hello: Booted) -> None:
    """In the middle of a packet, and while the guest stands: it goes on, and the next one is served."""
    host, port = hello.stub.split(":")
    for rubbish in (b"$m0", b"+$qSupported#37", b"\x03", b"$g#67"):
        with socket.create_connection((host, int(port))) as sock:
            sock.sendall(rubbish)
            time.sleep(0.05)  # the guest is to see it before the end
    with hello.session() as session:
        assert not isinstance(session.view("loop"), Absent)
    hello.wait_for_life()


def test_a_unix_socket(built: Path, tmp_path: Path) -> None:
    path = tmp_path / "stub"
    process = subprocess.Popen(
        [built / "hello.elf", "-d", f"unix:{path}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == f"stub listens on unix:{path}\n"
        shown = run_unidbg("overview", f"unix:{path}", "--image", str(built / "hello.elf"))
        assert shown.returncode == 0, shown.stderr
    finally:
        process.kill()
        process.communicate()


def test_kill_and_an_exit_of_its_own(built: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [built / "hello.elf", "-d", "none", "-a", "exit=1"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0
    assert b"libos: exit" in done.stdout
    wrong = subprocess.run([built / "hello.elf", "-x"], capture_output=True, text=True, timeout=30)
    assert wrong.returncode == 2
    assert "usage:" in wrong.stderr


@needs_slirp
@pytest.mark.timeout(300)
def test_under_sanitizers(sanitized: Path) -> None:
    """Requests are served while it is watched, stepped through and conditionally stopped."""
    guest = start(sanitized / "httpd.elf", Forward("tcp", 0, 80))
    try:
        assert get(guest, "/healthz") == b"ok\n"
        with guest.session() as session:
            for _ in range(3):
                session.snapshot(("net", "rings", "heap", "loop", "threads"))
                assert len(get(guest, "/blob")) == 1 << 20
        assert conform(guest.stub).conforms
        assert b"loop.iterations" in get(guest, "/stats")
        os.kill(guest.record.pid, signal.SIGALRM)
        assert get(guest, "/healthz") == b"ok\n"
    finally:
        end(guest.record)


@pytest.mark.skipif(shutil.which("gdb") is None, reason="no gdb")
def test_gdb_without_a_file_finds_image_and_libraries(hello: Booted) -> None:
    commands = ("set confirm off", f"target remote {hello.stub}", "info sharedlibrary", "bt", "detach")
    done = subprocess.run(
        ["gdb", "-nx", "-batch", *(word for line in commands for word in ("-ex", line))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert re.search(r"Yes .*/libc\.so", done.stdout), done.stdout + done.stderr
    assert "libos_main" in done.stdout, done.stdout
    hello.wait_for_life()
