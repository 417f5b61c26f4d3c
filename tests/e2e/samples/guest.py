"""A sample in QEMU, held by sockets that need no name: console, stub and QMP."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.samples.qmp import Qmp

QEMU = "qemu-system-x86_64"
COMMON = ("-accel", "tcg", "-cpu", "max", "-nodefaults", "-no-reboot", "-display", "none")
NETWORK_DEVICE = {
    "q35": ("-device", "virtio-net-pci,netdev=net"),
    "microvm": ("-device", "virtio-net-device,netdev=net", "-global", "virtio-mmio.force-legacy=false"),
}
STUB_LINE = {
    "q35": ("-serial", "chardev:stub"),
    "microvm": ("-device", "isa-serial,iobase=0x2f8,irq=3,chardev=stub"),
}


USER_NETWORK = "user,id=net,hostfwd=tcp:127.0.0.1:0-:80,hostfwd=udp:127.0.0.1:0-:7"


@dataclass(frozen=True)
class Options:
    """What a guest is started with. `network` is empty, `user` (ports forwarded) or `cable` (raw frames).

    `files` are descriptors that `extra` speaks of.
    """

    append: str = ""
    memory: str = "64M"
    network: str = ""
    stub: bool = True
    extra: Sequence[str] = ()
    files: Sequence[int] = ()


def command_of(elf: Path, machine: str, options: Options, ends: Mapping[str, int]) -> list[str]:
    """QEMU's command line; `ends` are file descriptors of its ends of the lines."""
    command = [
        QEMU,
        "-M",
        machine,
        *COMMON,
        "-m",
        options.memory,
        "-kernel",
        str(elf),
        "-append",
        options.append,
    ]
    for name in ("console", "stub", "qmp"):
        command += ["-chardev", f"socket,id={name},fd={ends[name]}"]
    command += ["-serial", "chardev:console", "-mon", "chardev=qmp,mode=control"]
    command += STUB_LINE[machine] if options.stub else ()
    if options.network:
        backend = USER_NETWORK if options.network == "user" else f"socket,id=net,fd={ends['cable']}"
        command += ["-netdev", backend, *NETWORK_DEVICE[machine]]
    return [*command, *options.extra]


class Guest:
    """A running guest. Lines of its console are waited for, not polled for."""

    def __init__(self, elf: Path, machine: str, options: Options) -> None:
        self.elf = elf
        self.text = b""
        self.console, console = socket.socketpair()
        self.stub, stub = socket.socketpair()
        self.cable, cable = socket.socketpair()
        monitor, qmp = socket.socketpair()
        ends = {"console": console, "stub": stub, "cable": cable, "qmp": qmp}
        numbers = {name: end.fileno() for name, end in ends.items()}
        command = command_of(elf, machine, options, numbers)
        self.process = subprocess.Popen(command, pass_fds=[*numbers.values(), *options.files])
        for end in ends.values():
            end.close()
        self.qmp = Qmp(monitor)

    def forwarded(self, protocol: str) -> int:
        """The host's port that leads to the guest, by way of the network `user`."""
        found = re.search(
            rf"{protocol.upper()}\[HOST_FORWARD\] +\d+ +127\.0\.0\.1 +(\d+)", self.qmp.monitor("info usernet")
        )
        assert found
        return int(found[1])

    def wait_for(self, pattern: str, timeout: float = 30.0) -> re.Match[str]:
        """The first match in all that the console has printed, waiting for more of it."""
        deadline = time.monotonic() + timeout
        while not (found := re.search(pattern, self.text.decode(), re.MULTILINE)):
            self._more(deadline, pattern)
        return found

    def read_console(self, length: int, timeout: float = 30.0) -> bytes:
        """The first `length` bytes that the console printed."""
        deadline = time.monotonic() + timeout
        while len(self.text) < length:
            self._more(deadline, f"{length} bytes")
        return self.text[:length]

    def _more(self, deadline: float, what: str) -> None:
        self.console.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            piece = self.console.recv(65536)
        except TimeoutError:
            raise AssertionError(f"no {what!r} on the console, but:\n{self.text.decode()}") from None
        assert piece, f"the console ended without {what!r}:\n{self.text.decode()}"
        self.text += piece

    def type_text(self, text: str) -> None:
        """Type on the console."""
        self.console.sendall(text.encode())

    def wait_exit(self, timeout: float = 30.0) -> int:
        """QEMU's exit status."""
        return self.process.wait(timeout)

    def close(self) -> None:
        """End QEMU."""
        self.process.kill()
        self.process.wait()
        for line in (self.console, self.stub, self.cable):
            line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
