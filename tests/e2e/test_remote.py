"""docs/remote.md over a real sshd on loopback: a tunnel, commands and the interface there, a dump."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.guests import UNIDBG, Booted, boot_guest, run_unidbg
from tests.e2e.test_tui import Terminal

SSHD = shutil.which("sshd", path=os.pathsep.join(["/usr/sbin", "/usr/local/sbin", os.environ["PATH"]]))
pytestmark = [
    pytest.mark.skipif(SSHD is None or shutil.which("ssh") is None, reason="no sshd here"),
    pytest.mark.timeout(180),
]


RELAY = (
    "import socket,threading,os;s=socket.create_connection(('HOST',PORT));"
    "threading.Thread(target=lambda:[s.sendall(d) for d in iter(lambda:os.read(0,65536),b'')] "
    "and s.shutdown(1),daemon=True).start();[os.write(1,d) for d in iter(lambda:s.recv(65536),b'')]"
)
"""What nc does: Python is there for sure."""


class Host(NamedTuple):
    """An sshd of ours: what to put behind `ssh`, as a user without a configuration has it."""

    options: tuple[str, ...]

    def ssh(self, *words: str) -> list[str]:
        return ["ssh", *self.options, "there", *words]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("sshd")
    folder.chmod(0o700)
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    port = free_port()
    config = folder / "config"
    config.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized\nPasswordAuthentication no\nPermitRootLogin yes\nUsePAM no\n"
        f"SetEnv XDG_RUNTIME_DIR={os.environ['XDG_RUNTIME_DIR']}\n"
    )
    options = (
        "-F", "none", "-p", str(port), "-i", str(folder / "user"), "-l", getpass.getuser(),
        "-o", "BatchMode=yes",
        "-o", "HostName=127.0.0.1", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
        "-o", f"UserKnownHostsFile={folder}/known",
    )  # fmt: skip
    assert SSHD is not None
    daemon = subprocess.Popen([SSHD, "-D", "-e", "-f", config], stderr=open(folder / "log", "w"))  # noqa: SIM115
    try:
        made = Host(options)
        wait_until_it_answers(made, folder / "log")
        yield made
    finally:
        daemon.terminate()
        daemon.wait(10)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_until_it_answers(host: Host, log: Path) -> None:
    deadline = time.monotonic() + 10
    while subprocess.run(host.ssh("true"), capture_output=True, check=False).returncode != 0:
        if time.monotonic() > deadline:
            pytest.skip(f"sshd does not let us in here: {log.read_text()[-300:]}")
        time.sleep(0.1)


@pytest.fixture(scope="module")
def guest(sample: Any) -> Iterator[Booted]:
    with boot_guest(sample("hello"), ready="heartbeat 1") as booted:
        yield booted


def shows(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    assert "allocated" in done.stdout


def test_a_forwarded_port(host: Host, guest: Booted) -> None:
    port = free_port()
    tunnel = subprocess.Popen([*host.ssh()[:-1], "-N", "-L", f"127.0.0.1:{port}:{guest.stub}", "there"])
    try:
        wait_for_port(port)
        shows(run_unidbg("heap", f":{port}", "--image", str(guest.image)))
    finally:
        tunnel.terminate()
        tunnel.wait(10)


def wait_for_port(port: int) -> None:
    """Until the tunnel listens: looked up, for a connection would reach the guest."""
    deadline = time.monotonic() + 10
    wanted = f":{port:04X} "
    while not any(
        wanted in line for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line
    ):
        assert time.monotonic() < deadline, "the tunnel does not listen"
        time.sleep(0.05)


def test_a_command_at_the_other_end(host: Host, guest: Booted, tmp_path: Path) -> None:
    name, port = guest.stub.rsplit(":", 1)
    relay = tmp_path / "relay.py"
    relay.write_text(RELAY.replace("HOST", name).replace("PORT", port))
    command = shlex.join(host.ssh("exec", "python3", str(relay)))
    shows(run_unidbg("heap", f"exec:{command}", "--image", str(guest.image)))


def test_unidbg_at_the_other_end(host: Host, guest: Booted) -> None:
    done = subprocess.run(
        host.ssh(UNIDBG, "heap", guest.stub, "--image", str(guest.image)),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    shows(done)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here")
def test_the_interface_at_the_other_end(
    host: Host, guest: Booted, tmp_path: Path, state_folder: Path
) -> None:
    terminal = Terminal(state_folder / f"{tmp_path.name}.tmux", (120, 40))
    there = shlex.join([UNIDBG, "attach", guest.stub, "--image", str(guest.image)])
    try:
        terminal.run(*host.ssh()[:-1], "-t", "there", there)
        terminal.wait_for(r"● live")
        terminal.press("4")
        first = terminal.wait_for(r"iterations +[\d,]+")
        terminal.wait_for(r"iterations +[\d,]+", unlike=first)
        terminal.resize(80, 24)
        terminal.wait_for(r"iterations +[\d,]+")
        terminal.press("q")
        terminal.wait_for("left with 0")
    finally:
        terminal.end()
    guest.wait_for_life()


def test_a_dump_is_streamed(host: Host, guest: Booted, tmp_path: Path) -> None:
    core = tmp_path / "there.core"
    with core.open("wb") as out:
        done = subprocess.run(
            host.ssh(UNIDBG, "dump", guest.stub, "--image", str(guest.image), "-o", "-", "--zstd"),
            stdout=out, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "sha256" in done.stderr
    shows(run_unidbg("heap", str(core), "--image", str(guest.image)))
