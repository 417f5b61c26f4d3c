"""TCP and Unix sockets."""

from __future__ import annotations

import os
import socket

from unidbg.errors import TargetGone, TargetTimeout
from unidbg.transport.line import CHUNK
from unidbg.transport.url import TcpAddress, UnixAddress

WRITE_TIMEOUT = 5.0


class SocketLine:
    """A connected stream socket.

    `quick_ack` is Linux's option of that name, which holds for one receive: a stub behind QEMU's UART writes
    byte by byte with Nagle's algorithm on, and would wait 40 ms for each of our delayed acknowledgements.
    """

    reliable = True

    def __init__(self, name: str, sock: socket.socket, *, quick_ack: int | None = None) -> None:
        self.name = name
        self.sock = sock
        self._timeout: float | None = -1.0
        self._quick_ack = quick_ack

    def write_some(self, data: bytes | bytearray | memoryview) -> int:
        """Send what fits."""
        self._set_timeout(WRITE_TIMEOUT)
        try:
            return self.sock.send(data)
        except TimeoutError:
            raise TargetTimeout(f"{self.name} takes no more data: the far end does not read") from None
        except OSError as error:
            raise self._gone(error) from None

    def read_some(self, timeout: float) -> bytes:
        """Receive what is there, waiting for the first byte."""
        self._set_timeout(max(timeout, 0.001))
        if self._quick_ack is not None:
            self.sock.setsockopt(socket.IPPROTO_TCP, self._quick_ack, 1)
        try:
            data = self.sock.recv(CHUNK)
        except TimeoutError:
            raise TargetTimeout(f"{self.name} stayed silent for {timeout:.1f} s") from None
        except OSError as error:
            raise self._gone(error) from None
        if not data:
            raise TargetGone(f"{self.name} closed the connection")
        return data

    def _set_timeout(self, timeout: float) -> None:
        if timeout != self._timeout:
            self.sock.settimeout(timeout)
            self._timeout = timeout

    def _gone(self, error: OSError) -> TargetGone:
        return TargetGone(f"the connection to {self.name} is gone: {error.strerror or error}")

    def fileno(self) -> int:
        """The socket's descriptor, -1 once closed."""
        return self.sock.fileno()

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def last_words(self) -> str:
        """Nothing: a socket says nothing besides."""
        return ""


def open_tcp(address: TcpAddress, timeout: float) -> SocketLine:
    """Connect, `TargetGone` or `TargetTimeout` saying what to do next."""
    try:
        sock = socket.create_connection((address.host, address.port), timeout=timeout)
    except TimeoutError:
        raise TargetTimeout(
            f"{address} did not accept a connection in {timeout:.0f} s: wrong host, or a firewall between"
        ) from None
    except socket.gaierror as error:
        raise TargetGone(f"{address}: no such host ({error.strerror})") from None
    except ConnectionRefusedError:
        raise TargetGone(_nobody(address)) from None
    except OSError as error:
        raise TargetGone(f"{address}: {error.strerror or error}") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return SocketLine(str(address), sock, quick_ack=getattr(socket, "TCP_QUICKACK", None))


def _nobody(address: TcpAddress) -> str:
    return (
        f"nothing listens on {address} (connection refused): start a guest with `unidbg run IMAGE`, "
        f"or QEMU with `-gdb tcp:127.0.0.1:{address.port}`; `unidbg ls` lists what runs"
    )


def open_unix(address: UnixAddress, timeout: float) -> SocketLine:
    """Connect to a Unix socket."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    try:
        _connect_unix(sock, address.path)
    except (OSError, TargetGone, TargetTimeout):
        sock.close()
        raise
    return SocketLine(str(address), sock)


def _connect_unix(sock: socket.socket, path: str) -> None:
    try:
        sock.connect(path)
    except (TimeoutError, BlockingIOError):
        raise TargetTimeout(f"unix:{path} does not accept connections: its owner hangs or is busy") from None
    except FileNotFoundError:
        raise TargetGone(f"unix:{path} does not exist: is the guest running? (`unidbg ls`)") from None
    except ConnectionRefusedError:
        what = "nothing listens on it: its owner has ended" if os.path.exists(path) else "refused"
        raise TargetGone(f"unix:{path}: {what}") from None
    except OSError as error:
        raise TargetGone(f"unix:{path}: {error.strerror or error}") from None


def tcp_port_free(port: int) -> bool:
    """Whether a server could listen on `port` of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
