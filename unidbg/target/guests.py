"""Guests of our own: start an image in QEMU, register it under a name, find it again, end it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from unidbg.errors import ConfigError, TargetError, TargetGone
from unidbg.target import hosted, registry
from unidbg.target.registry import GuestRecord, find, registered
from unidbg.transport import qemu
from unidbg.transport.network import Forward, forwarded, parse_forward
from unidbg.transport.qemu import Accelerator, Lines, prove_accelerator
from unidbg.transport.qmp import Qmp
from unidbg.transport.sockets import tcp_port_free
from unidbg.transport.systems import find_qemu, is_native, machine_of

__all__ = [
    "Accelerator",
    "Forward",
    "GuestRecord",
    "find",
    "launch",
    "parse_forward",
    "prove_accelerator",
    "registered",
    "stop",
]

FIRST_PORT = 1234
PORTS = 100
"""How many ports from the first one are tried."""
START_SECONDS = 10.0
SETTLING = 0.2
"""Seconds after which an accelerator that cannot run a guest has said so."""
DEFAULT_MEMORY = "64M"
TAKEN = "Address already in use"


def launch(
    image: str,
    *,
    name: str | None = None,
    machine: str | None = None,
    memory: str | None = None,
    cpus: int | None = None,
    append: str | None = None,
    initrd: str | None = None,
    paused: bool = False,
    port: int | None = None,
    accelerator: str | None = None,
    network: Sequence[Forward] | None = None,
    arguments: Sequence[str] = (),
) -> GuestRecord:
    """Boot `image` in QEMU, or start it where it is a Linux process; register it. It outlives this process.

    `port` is that of the stub's line on 127.0.0.1: 0 lets QEMU choose, `None` is 1234 or the next free one.
    An image without our stub has QEMU's gdbstub there.
    `memory` is in QEMU's spelling (`64M`). `network` has the ports that lead to the guest, `None`: it gets no
    network. `arguments` go to QEMU as they are. Raises ConfigError for what
    cannot be started, TargetError with QEMU's own words if it ends at once.
    """
    architecture, stub = _kind(image)
    ports = list(_ports()) if port is None else [port]
    if hosted.is_hosted(image):
        hosted.refuse(machine=machine, memory=memory, cpus=cpus, initrd=initrd, paused=paused)
        return _launch_process(image, name, append or "", ports, network or ())
    machine = machine_of(architecture, machine)
    find_qemu(architecture)
    native = is_native(architecture)
    name, folder = _claim(name, image)
    setup = qemu.Setup(
        image=os.path.abspath(image),
        architecture=architecture,
        machine=machine,
        memory=memory or DEFAULT_MEMORY,
        cpus=cpus or 1,
        accelerator=accelerator or (prove_accelerator().name if native else "tcg"),
        append=append or "",
        initrd=initrd,
        paused=paused,
        network=None if network is None else tuple(network),
        extra=tuple(arguments),
    )
    try:
        boot = _boot if accelerator is None else _start
        record = boot(name, folder, setup, ports, stub=stub)
        registry.write(record)
    except BaseException:
        registry.remove(folder)
        raise
    return record


def _launch_process(
    image: str, name: str | None, append: str, ports: Sequence[int], forwards: Sequence[Forward]
) -> GuestRecord:
    """The same for an image that is a Linux process."""
    name, folder = _claim(name, image)
    try:
        record = hosted.start(name, folder, os.path.abspath(image), ports, append, forwards)
        registry.write(record)
    except BaseException:
        registry.remove(folder)
        raise
    return record


def _ports() -> Iterator[int]:
    """1234 and those after it that nobody listens on; the last word has QEMU, when it binds."""
    return (port for port in range(FIRST_PORT, FIRST_PORT + PORTS) if tcp_port_free(port))


def _boot(name: str, folder: str, setup: qemu.Setup, ports: list[int], *, stub: bool) -> GuestRecord:
    """Start under the accelerator that proved itself; under TCG where this guest is too much for it."""
    if setup.accelerator == "tcg":
        return _start(name, folder, setup, ports, stub=stub)
    try:
        record = _start(name, folder, setup, ports, stub=stub)
        if setup.paused or _runs(record):
            return record
        qemu.end(record.pid)
    except TargetGone:
        pass  # QEMU's words are those of an accelerator that fails; TCG's own, if it fails too, count
    return _start(name, folder, replace(setup, accelerator="tcg"), ports, stub=stub)


def _runs(record: GuestRecord) -> bool:
    """Whether QEMU still says so after a moment: KVM gives up on instructions that it cannot emulate."""
    time.sleep(SETTLING)
    with Qmp(record.lines["qmp"].removeprefix("qmp:")) as qmp:
        return qmp.command("query-status").get("status") not in ("internal-error", "paused")


def _start(name: str, folder: str, setup: qemu.Setup, ports: Iterable[int], *, stub: bool) -> GuestRecord:
    """Start QEMU on the first port that it gets."""
    said = "no port is free"
    for port in ports:
        lines = _lines(folder, port, stub)
        pid = qemu.start(qemu.arguments(setup, lines), output=_output(folder))
        try:
            front = _front(pid, lines)
            forwards = _forwards(pid, lines) if setup.network else ()
        except TargetGone as error:
            said = str(error)
            if TAKEN not in said:
                break
            continue
        except BaseException:
            qemu.end(pid)
            raise
        return GuestRecord(
            name=name,
            image=setup.image,
            pid=pid,
            birth=registry.birth_of(pid),
            machine=setup.machine,
            accelerator=setup.accelerator,
            started=time.time(),
            log=lines.console,
            folder=folder,
            lines=_urls(lines, front),
            forwards=forwards,
        )
    raise TargetGone(f"{setup.image} could not be started: {said}")


def _urls(lines: Lines, front: str) -> dict[str, str]:
    """What to give as TARGET for each line."""
    doors = {"stub": front, "gdbstub": f"unix:{lines.gdbstub}"} if lines.stub else {"gdbstub": front}
    return {**doors, "qmp": f"qmp:{lines.qmp[1]}"}


def _front(pid: int, lines: Lines) -> str:
    """Wait until QEMU is up; `127.0.0.1:PORT` of the line that has a port. TargetGone if it ended."""
    with _connected(pid, lines) as qmp:
        for chardev in qmp.command("query-chardev"):
            if chardev.get("label") == ("stub" if lines.stub else "gdb"):
                found = re.search(r"127\.0\.0\.1:(\d+)", chardev["filename"])
                if found:
                    return found.group()
    raise TargetError("QEMU does not tell the port of its line")


def _forwards(pid: int, lines: Lines) -> tuple[Forward, ...]:
    """The ports that really lead to the guest."""
    with _connected(pid, lines) as qmp:
        return forwarded(qmp.human("info usernet"))


def _connected(pid: int, lines: Lines) -> Qmp:
    deadline = time.monotonic() + START_SECONDS
    while True:
        said = qemu.ended(pid, _output(os.path.dirname(lines.console)))
        if said is not None:
            raise TargetGone(said)
        try:
            return Qmp(lines.qmp[0], timeout=START_SECONDS)
        except TargetGone:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def stop(name: str) -> GuestRecord:
    """End a guest and forget it; returns what it was."""
    record = find(name)
    qemu.end(record.pid)
    registry.forget(record)
    return record


def _kind(image: str) -> tuple[str, bool]:
    """(machine, whether it links our stub: its note survives strip); ConfigError for what is no image."""
    from unidbg_symbols import Image

    try:
        with open(image, "rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ConfigError(f"{image}: {error.strerror}; give the image of a unikernel") from error
    if magic != b"\x7fELF":
        raise ConfigError(f"{image} is not an ELF file: give the image that QEMU's -kernel boots")
    opened = Image.open(image)
    return opened.machine, any(note.owner == "unidbg" for note in opened.notes())


def _claim(name: str | None, image: str) -> tuple[str, str]:
    """A name that is free, and its folder."""
    if name is not None:
        folder = registry.claim(name)
        if folder is None:
            raise ConfigError(f"a guest @{name} runs already: choose another --name, or unidbg stop @{name}")
        return name, folder
    stem = "".join(c if c.isalnum() or c in "_-." else "-" for c in os.path.basename(image).split(".")[0])
    stem = stem.lstrip("_-.")[:32] or "guest"
    for number in range(1, 1000):
        candidate = stem if number == 1 else f"{stem}-{number}"
        folder = registry.claim(candidate)
        if folder is not None:
            return candidate, folder
    raise ConfigError(f"a thousand guests called {stem} run here: give --name")


def _lines(folder: str, port: int, stub: bool) -> Lines:
    front = f"127.0.0.1:{port}"
    return Lines(
        stub=front if stub else "",
        gdbstub=os.path.join(folder, "gdbstub.sock") if stub else front,
        qmp=(os.path.join(folder, "own.sock"), os.path.join(folder, "qmp.sock")),
        console=os.path.join(folder, "console.log"),
    )


def _output(folder: str) -> str:
    return os.path.join(folder, "qemu.log")
