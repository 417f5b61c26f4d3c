"""The stub on the host machine: built under sanitizers, spoken to byte by byte.

The framing here is the tests' own, so that a mistake in unidbg's cannot hide one in the stub's.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import select
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

STUBS = Path(__file__).parents[2] / "stubs"
COVERAGE = "STUB_COVERAGE"
"""A folder for a build that counts branches: set by .ci/coverage."""
PROMPTLY = 10.0
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}


@dataclass(frozen=True)
class HostBuild:
    """What `make host` leaves: the program, and the image of the guest that it runs."""

    program: Path
    image: Path


def build_host() -> HostBuild:
    """Build once, also when several workers start at the same time."""
    base = Path(os.environ.get(COVERAGE) or STUBS / "build")
    folder = base / "host"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        options = [f"BUILD={base}", "COVERAGE=1"] if os.environ.get(COVERAGE) else []
        made = subprocess.run(
            ["make", "-C", str(STUBS), "host", *options], capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stdout + made.stderr
    return HostBuild(folder / "unidbg-host", folder / "guest.elf")


def frame(payload: bytes) -> bytes:
    """`$payload#cc`; the payload is escaped already where it must be."""
    return b"$%b#%02x" % (payload, sum(payload) & 0xFF)


def escape(data: bytes) -> bytes:
    """Binary data as it goes into a packet."""
    return b"".join(bytes((0x7D, byte ^ 0x20)) if byte in b"#$}*" else bytes((byte,)) for byte in data)


def expand(payload: bytes) -> bytes:
    """Runs spelt out: a byte, `*`, and a letter for the number of its repetitions. Data has no bare `*`."""
    parts = payload.split(b"*")
    return parts[0] + b"".join(
        before[-1:] * (part[0] - 29) + part[1:] for before, part in itertools.pairwise(parts)
    )


def unescape(data: bytes) -> bytes:
    """Binary data as it was before."""
    parts = data.split(b"}")
    return parts[0] + b"".join(bytes((part[0] ^ 0x20,)) + part[1:] for part in parts[1:])


class Line:
    """One end of a serial line: raw bytes, and packets where those are meant."""

    def __init__(self, reads: int, writes: int) -> None:
        self.reads = reads
        self.writes = writes
        self.pending = b""

    def send(self, data: bytes) -> None:
        """Raw bytes."""
        while data:
            data = data[os.write(self.writes, data) :]

    def read_some(self, timeout: float) -> bytes:
        """What has come, waiting up to `timeout` seconds for a first byte; empty: nothing came."""
        if not self.pending and select.select([self.reads], [], [], timeout)[0]:
            self.pending = os.read(self.reads, 65536)
            assert self.pending, "the stub ended"
        data, self.pending = self.pending, b""
        return data

    def read_byte(self, timeout: float = PROMPTLY) -> bytes:
        """One byte; it must come."""
        data = self.read_some(timeout)
        assert data, "the stub is silent"
        self.pending = data[1:] + self.pending
        return data[:1]

    def read_packet(self, timeout: float = PROMPTLY, start: bytes = b"$") -> bytes:
        """The payload of the next packet, or notification (`%`); acknowledgements before it are skipped."""
        deadline = time.monotonic() + timeout
        while (byte := self.read_byte(deadline - time.monotonic())) != start:
            assert byte in b"+-", f"{byte!r} outside of a packet"
        payload = b""
        while (byte := self.read_byte()) != b"#":
            payload += byte
        digits = self.read_byte() + self.read_byte()
        assert int(digits, 16) == sum(payload) & 0xFF, f"bad sum of {payload!r}"
        return expand(payload)

    def ask(self, payload: bytes, timeout: float = PROMPTLY) -> bytes:
        """Send a packet, read one."""
        self.send(frame(payload))
        return self.read_packet(timeout)

    def quiet(self, seconds: float = 0.2) -> bool:
        """True if nothing comes for a while; acknowledgements are nothing."""
        while data := self.read_some(seconds):
            if rest := data.lstrip(b"+"):
                self.pending = rest
                return False
        return True


class Host(Line):
    """unidbg-host over pipes: one line for its whole life. The guest wakes once per resumption (`tick=0`)."""

    def __init__(self, build: HostBuild, *options: str, tick: int = 0) -> None:
        command = [str(build.program), "--stdio", "--tick", str(tick), *options, str(build.image)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **SANITIZERS},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        super().__init__(self.process.stdout.fileno(), self.process.stdin.fileno())

    def no_ack(self) -> Self:
        """Without acknowledgements, as most tests want it."""
        assert self.ask(b"QStartNoAckMode") == b"OK"
        self.send(b"+")
        return self

    def close(self) -> None:
        """End it; a sanitizer's report is a failure."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(PROMPTLY)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.stderr is not None
        assert self.process.stdout is not None
        report = self.process.stderr.read().decode(errors="replace")
        self.process.stderr.close()
        self.process.stdout.close()
        assert self.process.returncode == 0, report
        assert not report

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.process.kill()
            self.process.wait()


class Served:
    """unidbg-host behind a loopback socket: clients come and go, the guest stays."""

    def __init__(self, build: HostBuild, *options: str, tick: int = 10) -> None:
        command = [str(build.program), "--tick", str(tick), *options, str(build.image)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, **SANITIZERS}
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().split()[-1]

    @property
    def port(self) -> int:
        """Of the loopback address."""
        return int(self.address.rpartition(":")[2])

    def alive(self) -> bool:
        """It has not ended: no sanitizer found anything."""
        return self.process.poll() is None

    def close(self) -> None:
        """End it; it must have lived until now."""
        lived = self.alive()
        self.process.terminate()
        self.process.wait(PROMPTLY)
        assert self.process.stdout is not None
        self.process.stdout.close()
        assert lived, "unidbg-host ended by itself"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def symbols(image: Path) -> dict[str, int]:
    """Addresses by name, by nm."""
    lines: Sequence[str] = subprocess.run(
        ["nm", "--defined-only", str(image)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return {name: int(address, 16) for address, _, name in (line.split() for line in lines)}
