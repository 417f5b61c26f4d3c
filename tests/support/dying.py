"""A guest that lives is sent where nothing is, by a client that leaves: it dies with nobody attached."""

from __future__ import annotations

import socket

from tests.support.stub_host import Line

NOWHERE = b"P10=1000000000000000"
"""Register 16, rip, is 0x10."""


def connect(address: str) -> socket.socket:
    """A line to the stub at `HOST:PORT`."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)))


def send_nowhere(address: str) -> None:
    """The guest goes on at an address that is not mapped."""
    with connect(address) as sock:
        line = Line(sock.fileno(), sock.fileno())
        line.ask(b"qSupported")
        line.send(b"+")
        assert line.ask(NOWHERE) == b"OK"
        line.send(b"+")
        assert line.ask(b"D") == b"OK"
        line.send(b"+")
