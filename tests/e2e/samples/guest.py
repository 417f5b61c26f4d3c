"""A sample in QEMU, held by sockets that need no name: console, stub and QMP."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.samples.qmp import Qmp

QEMU = "qemu-system-x86_64"
COMMON = ("-accel", "tcg", "-cpu", "max", "-nodefaults", "-no-reboot", "-display", "none")
STUB_LINE = {
    "q35": ("-serial", "chardev:stub"),
    "microvm": ("-device", "isa-serial,iobase=0x2f8,irq=3,chardev=stub"),
}


class Guest:
    """A running guest. Lines of its console are waited for, not polled for."""

    def __init__(
        self, elf: Path, machine: str, append: str = "", *, memory: str = "64M", extra: Sequence[str] = ()
    ) -> None:
        self.elf = elf
        self.console, console = socket.socketpair()
        self.stub, stub = socket.socketpair()
        monitor, qmp = socket.socketpair()
        passed = {"console": console, "stub": stub, "qmp": qmp}
        command = [QEMU, "-M", machine, *COMMON, "-m", memory, "-kernel", str(elf), "-append", append]
        for name, end in passed.items():
            command += ["-chardev", f"socket,id={name},fd={end.fileno()}"]
        command += ["-serial", "chardev:console", *STUB_LINE[machine]]
        command += ["-mon", "chardev=qmp,mode=control", *extra]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, pass_fds=[end.fileno() for end in passed.values()])
        for end in passed.values():
            end.close()
        self.text = b""
        self.qmp = Qmp(monitor)

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
        self.console.close()
        self.stub.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
