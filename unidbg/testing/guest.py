"""A guest for the length of a test: booted, waited for, and ended."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from unidbg import config as configuration
from unidbg.errors import ConfigError, TargetError, TargetTimeout
from unidbg.testing.guardian import Guardian

if TYPE_CHECKING:
    from unidbg.target.guests import Forward, GuestRecord
    from unidbg.testing.session import GuestSession

DUMP_SECONDS = 60
POLL = 0.01
LAST_LINES = 12


class Guest:
    """A running guest. `name` is what `unidbg` commands call it, with an @ before it."""

    def __init__(self, record: GuestRecord, timeout: float) -> None:
        self.record = record
        self.name = record.name
        self.image = record.image
        self.timeout = timeout
        self._sessions: list[GuestSession] = []

    @property
    def stub(self) -> str:
        """Where its stub listens, as a TARGET; QEMU's gdbstub for an image without one."""
        return self.record.lines.get("stub") or self.record.lines["gdbstub"]

    @property
    def qmp(self) -> str:
        """Its QMP socket, as a TARGET: reads by it are the fastest."""
        return self.record.lines["qmp"]

    def port(self, guest_port: int, protocol: str = "tcp") -> int:
        """The port of 127.0.0.1 that leads to a port of the guest; ConfigError where none does."""
        for kind, here, there in self.record.forwards:
            if (kind, there) == (protocol, guest_port):
                return here
        what = f"{protocol} {guest_port} of @{self.name}"
        raise ConfigError(f"no port leads to {what}: give forward={guest_port}")

    def console(self) -> str:
        """What it has printed so far."""
        return Path(self.record.log).read_text(encoding="utf-8", errors="replace")

    def wait_for_line(self, pattern: str, timeout: float | None = None) -> str:
        """A line of the console that has `pattern` (a regular expression) in it; TargetTimeout else."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            found = next((line for line in self.console().splitlines() if re.search(pattern, line)), None)
            if found is not None:
                return found
            self._alive(f"{pattern!r} on its console", deadline)

    def wait_for_port(self, guest_port: int, timeout: float | None = None) -> int:
        """The port of this host that leads there, once the guest answers on it."""
        port = self.port(guest_port)
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                    connection.settimeout(0.2)
                    if connection.recv(1) != b"":  # the network of QEMU accepts before the guest does
                        return port
            except TimeoutError:
                return port  # it is open, and waits for us to speak
            except OSError:
                pass
            self._alive(f"an answer on port {guest_port}", deadline)

    def _alive(self, what: str, deadline: float) -> None:
        """Wait a moment; TargetError where there is nothing to wait for any more."""
        from unidbg.target.registry import birth_of

        last = "\n".join(self.console().splitlines()[-LAST_LINES:])
        if birth_of(self.record.pid) != self.record.birth:
            raise TargetError(f"@{self.name} has ended, before there was {what}:\n{last}")
        if time.monotonic() > deadline:
            raise TargetTimeout(f"@{self.name} was waited for in vain: {what}; it said:\n{last}")
        time.sleep(POLL)

    def session(self, url: str | None = None) -> GuestSession:
        """Attached, with the guest's image: by a QMP socket of its own, where a session has that by the one
        for everybody, by its stub where QMP is not there or tells no registers, or by `url`.
        """
        from unidbg.session import ImageSpec, Session
        from unidbg.testing.session import GuestSession

        if url is None:
            own = f"qmp:{os.path.join(self.record.folder, 'own.sock')}"
            free = own if self.open_session() is None else self.qmp
            told = "qmp" in self.record.lines and not self.record.machine.startswith("virt")
            url = free if told else self.stub
        made = GuestSession(Session.open(url, images=[ImageSpec(self.image)]))
        self._sessions.append(made)
        return made

    def open_session(self) -> GuestSession | None:
        """The last session that is still open."""
        return next((one for one in reversed(self._sessions) if not one.closed), None)

    def leave(self) -> None:
        """Close all sessions: QMP serves one client at a time, and somebody else wants it."""
        for one in self._sessions:
            one.close()

    def dump(self, path: str | os.PathLike[str]) -> Path:
        """Write a core; TargetError with unidbg's own words where that fails."""
        words = [
            "dump",
            self.record.lines.get("qmp", self.stub),
            "--image",
            self.image,
            "--force",
            "-o",
            os.fspath(path),
        ]
        done = subprocess.run(
            [sys.executable, "-m", "unidbg", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DUMP_SECONDS,
            check=False,
        )
        if done.returncode:
            raise TargetError(f"@{self.name} could not be dumped: {done.stderr.strip()}")
        return Path(path)


@contextmanager
def boot(
    *,
    image: str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    machine: str | None = None,
    memory: str | None = None,
    cpus: int | None = None,
    append: str | None = None,
    initrd: str | None = None,
    net: bool | None = None,
    forward: int | str | Sequence[int | str] = (),
    arguments: Sequence[str] = (),
    ready: str | None = None,
    timeout: float = 30.0,
) -> Iterator[Guest]:
    """A guest for the length of a block; what is not given stands in `[run]` of unidbg.toml.

    `folder` is where unidbg.toml is looked for from, and relative paths begin. `forward` are ports of the
    guest to be reached from this host (`net` is implied). `ready` is waited for, `timeout` seconds at most:
    a regular expression for a line of the console, `port:80`, or `probe` for a first view.
    """
    from unidbg.target.guests import launch, stop

    project = configuration.load(folder)
    record = launch(
        _image(image, folder, project),
        machine=machine or project.text("run", "machine"),
        memory=memory or project.text("run", "memory"),
        cpus=cpus or _whole(project.number("run", "cpus")),
        append=append if append is not None else project.text("run", "append"),
        initrd=initrd or project.text("run", "initrd"),
        port=0,
        network=_network(net, forward, project),
        arguments=tuple(arguments) or project.strings("run", "arguments"),
    )
    guardian = Guardian(record.pid)
    try:
        guest = Guest(record, timeout)
        _wait(guest, ready or project.text("run", "ready"))
        yield guest
    finally:
        try:
            with suppress(ConfigError):  # it has ended by itself
                stop(record.name)
        finally:
            guardian.dismiss()


def _image(
    given: str | os.PathLike[str] | None, folder: str | os.PathLike[str] | None, project: configuration.Config
) -> str:
    """The image: as given, from the folder of the test or the working directory, else of the project."""
    if given is not None:
        path = os.fspath(given)
        beside = os.path.join(folder or ".", path)
        return beside if not os.path.exists(path) and os.path.exists(beside) else path
    configured = project.text("run", "image")
    if configured is None:
        raise ConfigError(
            "which image? give @pytest.mark.unidbg(image=...), --unidbg-image, "
            "or `image` under [run] in unidbg.toml"
        )
    return project.resolve(configured)


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _network(
    net: bool | None, forward: int | str | Sequence[int | str], project: configuration.Config
) -> tuple[Forward, ...] | None:
    """Ports that lead to the guest, on ports of this host that QEMU chooses; `None`: no network."""
    from unidbg.target.guests import parse_forward

    wanted = [forward] if isinstance(forward, int | str) else list(forward)
    wanted = wanted or list(project.strings("run", "forward"))
    if not wanted:
        return () if net or (net is None and project.flag("run", "net")) else None
    return tuple(parse_forward(str(one)) for one in wanted)


def _wait(guest: Guest, ready: str | None) -> None:
    """Until the guest is ready."""
    if ready is None:
        return
    if ready.startswith("port:"):
        guest.wait_for_port(int(ready.removeprefix("port:")))
    elif ready == "probe":
        deadline = time.monotonic() + guest.timeout
        while lacking := _lacking(guest):
            guest._alive(f"a first view of it ({lacking})", deadline)
    else:
        guest.wait_for_line(ready.removeprefix("log:"))


def _lacking(guest: Guest) -> str:
    """Why its structures cannot be read yet; empty once they can."""
    from unidbg.errors import UnidbgError
    from unidbg.views.base import Absent

    try:
        with guest.session() as session:
            view = session.session.view("app")
    except UnidbgError as error:
        return str(error)
    if isinstance(view, Absent):
        return view.reason
    return view.faults[0].reason if view.faults else ""
