"""A dead guest of the host build that sends its core, and lines to it that damage what passes."""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Callable, Sequence

from tests.support.stub_host import HostBuild, Line, Served
from unidbg.errors import TargetGone, TargetTimeout


def options(names: dict[str, int]) -> tuple[str, ...]:
    """The host program's, so that its stub sends dumps."""
    first, last = (names[f"__{end}_unidbg_probes"] for end in ("start", "stop"))
    return "--crash", "--probes", hex(first), "--end", hex(last), "--threads"


def connect(served: Served) -> socket.socket:
    """A line to it."""
    sock = socket.create_connection(("127.0.0.1", served.port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def kill(served: Served, names: dict[str, int], way: str = "crash_read") -> None:
    """Have the guest die with nobody attached: it is told how, and left alone."""
    with connect(served) as sock:
        line = Line(sock.fileno(), sock.fileno())
        line.ask(b"qSupported")
        line.send(b"+")
        where, code = names["crash"], struct.pack("<Q", names[way]).hex().encode()
        assert line.ask(b"M%x,8:%s" % (where, code)) == b"OK"
        line.send(b"+")
        assert line.ask(b"D") == b"OK"
        line.send(b"+")


def dead(build: HostBuild, names: dict[str, int], *more: str) -> Served:
    """A guest that has died, or is about to."""
    served = Served(build, *options(names), *more)
    kill(served, names)
    return served


class Spoilt:
    """A line over a socket that loses, changes and splits bytes, always in the same way.

    `damage`: one byte in so many is changed or lost; `cut`: it breaks after so many bytes from the guest.
    """

    reliable = False

    def __init__(self, sock: socket.socket, *, damage: int = 0, cut: int = 0, seed: int = 1) -> None:
        self.name = "the spoilt line"
        self._sock = sock
        self._damage = damage
        self._left = cut
        self._random = random.Random(seed)
        self._deadline = time.monotonic() + 60
        self.passed = 0

    def _spoil(self, data: bytes) -> bytes:
        if not self._damage:
            return data
        out = bytearray()
        for byte in data:
            if self._random.randrange(self._damage):
                out.append(byte)
            elif self._random.randrange(2):
                out.append(byte ^ 1 << self._random.randrange(8))
        return bytes(out)

    def write_some(self, data: bytes | bytearray | memoryview) -> int:
        self._sock.sendall(self._spoil(bytes(data)))
        return len(data)

    def read_some(self, timeout: float) -> bytes:
        assert time.monotonic() < self._deadline, "the transfer does not come to an end"
        self._sock.settimeout(timeout)
        try:
            data = self._sock.recv(self._random.randrange(1, 700))
        except TimeoutError:
            raise TargetTimeout("silent") from None
        if not data:
            raise TargetGone("the guest closed the line")
        self.passed += len(data)
        if self._left and self.passed > self._left:
            raise TargetGone("the line broke")
        return self._spoil(data)

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def last_words(self) -> str:
        return ""


def lines(served: Served, kinds: Sequence[dict[str, int]]) -> Callable[[], Spoilt]:
    """Opens one line after the other; the last kind is for all that follow."""
    left = list(kinds)

    def open_line() -> Spoilt:
        kind = left.pop(0) if len(left) > 1 else left[0]
        return Spoilt(connect(served), **kind)

    return open_line
