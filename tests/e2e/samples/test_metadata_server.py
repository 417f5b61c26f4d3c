"""What the guest puts arrives at an HTTP server of this host, which it asks for a connection."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.rsp import Stub
from tests.e2e.samples.test_cloud import command, get, ready
from tests.e2e.samples.test_stats import items

Puts = queue.Queue[tuple[str, str]]


class Server(ThreadingHTTPServer):
    """Remembers what is put."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = status
        self.puts: Puts = queue.Queue()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        assert isinstance(self.server, Server)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.puts.put((self.path, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Answers with the status of the test's parameter, else 204."""
    with Server(getattr(request, "param", 204)) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def test_put_arrives(boot: Boot, server: Server) -> None:
    port = server.server_address[1]
    guest = ready(boot("httpd", f"cloud=10.0.2.2:{port}", network="user"))
    assert server.puts.get(timeout=30) == ("/state", "serving")
    guest.wait_for(r"metadata: state put$")
    for n in range(3):
        assert command(guest, f"put key-{n} value of {n}") == "ok"
    arrived = [server.puts.get(timeout=30) for _ in range(3)]
    assert arrived == [(f"/key-{n}", f"value of {n}") for n in range(3)]
    guest.wait_for(r"metadata: key-2 put$")
    assert get(guest, "/blob")[0] == 200
    stats = Stub(guest.stub).stats()
    assert stats["cloud.put_channel"] == f"http://10.0.2.2:{port}"
    found = {m["key"]: (m["value"], m["source"]) for m in items(stats, "cloud.metadata")}
    assert found["key-1"] == ("value of 1", stats["cloud.put_channel"])


@pytest.mark.parametrize("server", [500], indirect=True)
def test_refusal_is_told(boot: Boot, server: Server) -> None:
    guest = ready(boot("httpd", f"cloud=10.0.2.2:{server.server_address[1]}", network="user"))
    guest.wait_for(r"metadata: state not put$")
    assert get(guest, "/healthz") == (200, b"ok\n")


def test_nobody_there(boot: Boot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    guest = ready(boot("httpd", f"cloud=10.0.2.2:{port}", network="user"))
    guest.wait_for(r"metadata: state not put$")
    assert get(guest, "/healthz") == (200, b"ok\n")


@pytest.mark.parametrize("word", ["cloud=here", "cloud=10.0.2.2", "cloud=10.0.2.2:0", "cloud=10.0.2.256:80"])
def test_odd_servers_are_refused(boot: Boot, word: str) -> None:
    guest = ready(boot("httpd", word, network="user"))
    guest.wait_for(r"metadata: .* is no server: ADDRESS:PORT$")
    assert Stub(guest.stub).stats("cloud")["cloud.put_channel"] == "none"
