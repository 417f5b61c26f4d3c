"""Booted guests for the end-to-end tests: started as `unidbg run` starts them, on ports that QEMU chooses."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from unidbg.session import ImageSpec, Session
from unidbg.target.guests import Forward, GuestRecord, launch, stop
from unidbg.transport.qmp import Qmp

ROOT = Path(__file__).resolve().parents[2]
UNIDBG = str(Path(sys.executable).with_name("unidbg"))


@dataclass(frozen=True, slots=True)
class Booted:
    """A running guest, its image and its lines."""

    record: GuestRecord
    image: Path

    @property
    def name(self) -> str:
        return f"@{self.record.name}"

    @property
    def stub(self) -> str:
        """`127.0.0.1:PORT` of our stub."""
        return self.record.lines["stub"]

    @property
    def gdbstub(self) -> str:
        """`unix:PATH` of QEMU's gdbstub."""
        return self.record.lines["gdbstub"]

    def session(self, url: str | None = None) -> Session:
        """Attached with the guest's image; over our stub unless another line is given."""
        return Session.open(url or self.stub, images=[ImageSpec(str(self.image))])

    def unidbg(self, command: str, line: str | None = None, *words: str) -> subprocess.CompletedProcess[str]:
        """`unidbg COMMAND LINE WORDS --image IMAGE`; the caller judges the exit code."""
        return run_unidbg(*self.command(command, line)[1:], *words)

    def command(self, command: str, line: str | None = None) -> list[str]:
        """That command, to be run otherwise."""
        return [UNIDBG, command, line or self.stub, "--image", str(self.image)]

    def forwarded_port(self) -> int:
        """The port of this host that leads to port 80 of a guest with `network(machine)`."""
        with Qmp(self.record.lines["qmp"].removeprefix("qmp:")) as qmp:
            table = qmp.human("info usernet")
        found = re.search(r"TCP\[HOST_FORWARD\] +\d+ +127\.0\.0\.1 +(\d+)", table)
        assert found, table
        return int(found[1])

    def console(self) -> str:
        """What the guest has printed so far."""
        return Path(self.record.log).read_text(errors="replace")

    def wait_for_line(self, pattern: str, timeout: float = 30.0) -> str:
        """A line of the console that matches, waiting for more of it."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if found := re.search(f".*{pattern}.*", self.console()):
                return found.group()
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} on the console, but:\n{self.console()}")

    def wait_for_life(self) -> None:
        """The guest runs: its console says something that it had not said before."""
        before = len(self.console())
        deadline = time.monotonic() + 15.0
        while len(self.console()) == before:
            assert time.monotonic() < deadline, f"the guest stands still:\n{self.console()}"
            time.sleep(0.02)


def network(machine: str) -> tuple[str, ...]:
    """QEMU's arguments for a virtio network behind which port 80 is reached from this host."""
    device = {
        "q35": ("-device", "virtio-net-pci,netdev=net"),
        "microvm": ("-device", "virtio-net-device,netdev=net", "-global", "virtio-mmio.force-legacy=false"),
    }
    return ("-netdev", "user,id=net,hostfwd=tcp:127.0.0.1:0-:80", *device[machine])


class Boot(Protocol):
    """Boots an image, or a sample by its name."""

    def __call__(
        self,
        what: str | Path,
        *,
        machine: str = "q35",
        append: str = "",
        ready: str | None = None,
        arguments: Sequence[str] = (),
    ) -> Booted: ...


@contextmanager
def boot_guest(
    image: Path,
    *,
    machine: str = "q35",
    append: str = "",
    ready: str | None = None,
    arguments: Sequence[str] = (),
    network: Sequence[Forward] | None = None,
    memory: str | None = None,
) -> Iterator[Booted]:
    """A guest for the length of a block; `ready` is a line of its console that is waited for."""
    record = launch(
        str(image),
        machine=machine,
        memory=memory,
        append=append,
        accelerator="tcg",
        port=0,
        arguments=tuple(arguments),
        network=network,
    )
    try:
        guest = Booted(record, image)
        if ready:
            guest.wait_for_line(ready)
        yield guest
    finally:
        stop(record.name)


def run_unidbg(*words: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """The installed command, as a user without a terminal has it."""
    return subprocess.run(
        [UNIDBG, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
