"""QEMU as a child process: which accelerator works here, which arguments a unikernel needs, start and end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence

from unidbg.errors import TargetError
from unidbg.transport import network
from unidbg.transport.network import Forward
from unidbg.transport.systems import find_qemu, system_of
from unidbg.views.record import Record, record

PROOF_SECONDS = 5.0
EXIT_CODE = 33
"""What the proof makes QEMU exit with: (0x10 << 1) | 1, by isa-debug-exit."""


@record
class Accelerator(Record):
    """`kvm` or `tcg`, and why."""

    name: str
    reason: str


@record
class Setup(Record):
    """What to boot on what. `memory` is in QEMU's spelling (`64M`); `extra` goes to QEMU as it is.

    `network` has the ports that lead to the guest; `None`: it gets no network.
    """

    image: str
    architecture: str = "x86_64"
    machine: str = "q35"
    memory: str = "64M"
    cpus: int = 1
    accelerator: str = "tcg"
    append: str = ""
    initrd: str | None = None
    paused: bool = False
    network: tuple[Forward, ...] | None = None
    extra: tuple[str, ...] = ()


@record
class Lines(Record):
    """Where the guest's lines shall be: `stub` and `gdbstub` are `host:port` (0: QEMU chooses) or paths.

    `stub` is empty for a guest that has none of ours.
    """

    stub: str
    gdbstub: str
    qmp: tuple[str, ...]
    console: str


def prove_accelerator() -> Accelerator:
    """KVM where it can run an instruction, else TCG: /dev/kvm can be there and still fail, so we try it."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        there = os.path.exists("/dev/kvm")
        return Accelerator("tcg", "/dev/kvm may not be opened" if there else "there is no /dev/kvm")
    failure = _proof_fails("kvm")
    return Accelerator("tcg", f"KVM is there but {failure}") if failure else Accelerator("kvm", "ran a guest")


def _proof_fails(accelerator: str) -> str:
    """`""` if a guest of three instructions ran to its end, else what happened instead."""
    import subprocess
    import tempfile

    # The reset vector of a PC lies 16 bytes below the end of its BIOS: mov al, 0x10; out 0xf4, al; hlt.
    bios = bytes(0xFFF0) + b"\xb0\x10\xe6\xf4\xf4".ljust(16, b"\x90")
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(bios)
        file.flush()
        command = [find_qemu(), "-accel", accelerator, "-cpu", cpu(accelerator), "-m", "2M"]
        command += ["-nodefaults", "-display", "none", "-bios", file.name]
        command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROOF_SECONDS
            )
        except subprocess.TimeoutExpired:
            return "runs no instruction"
    return "" if done.returncode == EXIT_CODE else f"fails: {_last_line(done.stderr)}"


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "QEMU said nothing"


def cpu(accelerator: str, architecture: str = "x86_64") -> str:
    """The CPU model: the host's own, or all that QEMU can emulate."""
    return "host" if accelerator == "kvm" else system_of(architecture).cpu


def arguments(setup: Setup, lines: Lines) -> list[str]:
    """QEMU's command line: loopback and Unix sockets only, COM1 into a file, the stub on COM2.

    RAM is a shared memfd, so that the host can read it beside the guest.
    """
    memory, machine, accelerator = setup.memory, setup.machine, setup.accelerator
    program = find_qemu(setup.architecture)
    command = [program, "-M", f"{machine},memory-backend=ram", "-accel", accelerator]
    command += ["-object", f"memory-backend-memfd,id=ram,size={memory},share=on", "-m", memory]
    command += ["-cpu", cpu(accelerator, setup.architecture), "-smp", str(setup.cpus)]
    command += ["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]
    command += ["-kernel", _escaped(setup.image), "-append", setup.append]
    command += ["-initrd", setup.initrd] if setup.initrd else []
    command += ["-chardev", f"file,id=console,path={_escaped(lines.console)}", "-serial", "chardev:console"]
    command += [*_socket("stub", lines.stub), *_stub_line(machine)] if lines.stub else []
    command += [*_socket("gdb", lines.gdbstub), "-gdb", "chardev:gdb"]
    for path in lines.qmp:
        command += ["-qmp", f"unix:{_escaped(path)},server=on,wait=off"]
    command += network.arguments(machine, setup.network) if setup.network is not None else []
    return [*command, *(["-S"] if setup.paused else []), *setup.extra]


def _socket(label: str, place: str) -> list[str]:
    host, colon, port = place.rpartition(":")
    where = f"host={host},port={port},nodelay=on" if colon else f"path={_escaped(place)}"
    return ["-chardev", f"socket,id={label},{where},server=on,wait=off"]


def _stub_line(machine: str) -> list[str]:
    """COM2. microvm wires one `-serial` only and ignores a second."""
    if machine.startswith("microvm"):
        return ["-device", "isa-serial,iobase=0x2f8,irq=3,chardev=stub"]
    return ["-serial", "chardev:stub"]


def _escaped(path: str) -> str:
    """QEMU's option parser takes a comma for the end of the value unless it is doubled."""
    return path.replace(",", ",,")


def start(command: Sequence[str], *, output: str, console: str | None = None) -> int:
    """Start QEMU in a session of its own, so that it outlives us; its messages go to the file `output`.

    What it prints goes there, too, unless `console` is a file for that.
    Returns the pid. The caller waits for its lines, then asks `ended` if they do not come.
    """
    import subprocess

    with open(output, "wb") as log, open(console or os.devnull, "wb") as printed:
        stdout = printed if console else log
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=log, start_new_session=True
        )
    child.returncode = 0  # it is meant to outlive us: Popen shall not warn when it is collected
    return child.pid


def ended(pid: int, output: str) -> str | None:
    """What QEMU said if it has ended, `None` while it runs."""
    if running(pid):
        return None
    with open(output, "rb") as log:
        return _last_line(log.read(65536))


def running(pid: int) -> bool:
    """Whether the process runs; one that has ended and is our child is collected."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except (ChildProcessError, AttributeError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end(pid: int, *, patience: float = 5.0) -> None:
    """End QEMU: SIGTERM, which it takes as a power cut, then SIGKILL."""
    deadline = time.monotonic() + patience
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        while running(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        deadline += patience
        if not running(pid):
            return
    raise TargetError(f"process {pid} does not end")
