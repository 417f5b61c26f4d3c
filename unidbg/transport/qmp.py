"""QMP, QEMU's control protocol: one JSON object a line, synchronous.

Source: docs/interop/qmp-spec.rst of QEMU.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

from unidbg.errors import RemoteProtocolError, TargetGone, TargetTimeout

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

LONGEST_LINE = 16 << 20
"""Bytes. Answers are small; a peer that sends more without an end of line is not QEMU."""
CHUNK = 65536
LEFT_OVER = 256
"""Answers and events for the client before us that may stand before the greeting."""


class Qmp:
    """A connection that has left QMP's negotiation mode. Of each event the last time is kept."""

    def __init__(self, path: str, *, timeout: float = 5.0) -> None:
        """Connect to the Unix socket at `path`. TargetGone, TargetTimeout or RemoteProtocolError."""
        self.path = path
        self._buffer = b""
        self.events: dict[str, int] = {}
        """When QEMU told of something last, by its own clock, us."""
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._deadline = time.monotonic() + timeout
        try:
            self._connect()
            self._greeting()
            self.command("qmp_capabilities", timeout=timeout)
        except BaseException:
            self._sock.close()
            raise

    def _greeting(self) -> None:
        """Read QEMU's greeting. What it still had to say to the client before us may come first."""
        for _ in range(LEFT_OVER):
            found = self._object()
            if "QMP" in found:
                return
            if not found.keys() & {"event", "return", "error"}:
                break
        raise RemoteProtocolError(f"{self.path} does not speak QMP; give the socket of QEMU's -qmp option")

    def _connect(self) -> None:
        self._sock.settimeout(max(0.001, self._deadline - time.monotonic()))
        try:
            self._sock.connect(self.path)
        except (BlockingIOError, TimeoutError):
            raise TargetTimeout(
                f"QEMU at {self.path} does not answer: it serves one client at a time, others wait already"
            ) from None
        except OSError as error:
            raise TargetGone(
                f"no QEMU answers at {self.path}: {error.strerror}; is the guest still running?"
            ) from error

    def command(self, name: str, *, timeout: float = 5.0, **arguments: Any) -> Any:
        """The `return` of a command; RemoteProtocolError with QEMU's own words if it refuses."""
        self.send(name, **arguments)
        return self.answer(name, timeout=timeout)

    def send(self, name: str, **arguments: Any) -> None:
        """A command whose answer is fetched later; answers come in the order of the commands."""
        import json

        message: dict[str, Any] = {"execute": name}
        if arguments:
            message["arguments"] = arguments
        try:
            self._sock.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise TargetGone(f"QEMU at {self.path} is gone: {error.strerror}") from error

    def answer(self, name: str, *, timeout: float = 5.0) -> Any:
        """The `return` of a command that was sent; what QEMU tells of meanwhile is kept in `events`."""
        self._deadline = time.monotonic() + timeout
        while True:
            answer = self._object()
            if "error" in answer:
                raise RemoteProtocolError(
                    f"QEMU refuses {name}: {answer['error'].get('desc', answer['error'])}"
                )
            if "return" in answer:
                return answer["return"]
            if "event" in answer:
                self.events[str(answer["event"])] = _microseconds(answer.get("timestamp"))

    def human(self, line: str, *, timeout: float = 5.0) -> str:
        """The output of a command of QEMU's human monitor, for what QMP has no command of its own for."""
        return str(self.command("human-monitor-command", timeout=timeout, **{"command-line": line}))

    def peer(self) -> int | None:
        """The process at the other end, where the system tells."""
        option = getattr(socket, "SO_PEERCRED", None)
        if option is None:
            return None
        raw = self._sock.getsockopt(socket.SOL_SOCKET, option, 12)
        return int.from_bytes(raw[:4], "little") or None

    def _object(self) -> dict[str, Any]:
        import json

        line = self._line()
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise RemoteProtocolError(f"{self.path} sent what is no QMP", data=line[:80])
        return found

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > LONGEST_LINE:
                raise RemoteProtocolError(f"{self.path} sent a line without end", data=self._buffer[:80])
            self._buffer += self._receive()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _receive(self) -> bytes:
        self._sock.settimeout(max(0.001, self._deadline - time.monotonic()))
        try:
            chunk = self._sock.recv(CHUNK)
        except TimeoutError:
            raise TargetTimeout(
                f"QEMU at {self.path} does not answer: it serves one client at a time, another may hold it"
            ) from None
        except OSError as error:
            raise TargetGone(f"QEMU at {self.path} is gone: {error.strerror}") from error
        if not chunk:
            raise TargetGone(f"QEMU at {self.path} has ended")
        return chunk

    def close(self) -> None:
        """Idempotent; the guest does not notice."""
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _microseconds(stamp: Any) -> int:
    """QEMU's time of an event; 0 where it tells none that makes sense."""
    try:
        return int(stamp["seconds"]) * 1_000_000 + int(stamp["microseconds"])
    except (TypeError, KeyError, ValueError):
        return 0
