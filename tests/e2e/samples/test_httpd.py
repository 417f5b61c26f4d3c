"""httpd behind QEMU's user network: what curl and many clients at once see."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.guest import Guest
from tests.e2e.samples.rsp import Stub

BLOB = b"".join(b"%015x\n" % at for at in range(0, 1 << 20, 16))
Answer = tuple[int, bytes]


@pytest.fixture
def guest(boot: Boot) -> Guest:
    found = boot("httpd", network="user")
    found.wait_for(r"serving port 80$")
    return found


@pytest.fixture
def client(guest: Guest) -> Callable[[], http.client.HTTPConnection]:
    """Makes connections to the guest."""
    port = guest.forwarded("tcp")
    return lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=30)


def fetch(connection: http.client.HTTPConnection, path: str, method: str = "GET") -> Answer:
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_pages(client: Callable[[], http.client.HTTPConnection]) -> None:
    connection = client()
    assert fetch(connection, "/healthz") == (200, b"ok\n")
    assert fetch(connection, "/healthz?full=1") == (200, b"ok\n")
    assert fetch(connection, "/")[0] == 200
    assert fetch(connection, "/nothing") == (404, b"not found\n")
    assert fetch(connection, "/" + "x" * 500) == (404, b"not found\n")
    assert fetch(connection, "/blob", "HEAD") == (200, b"")
    assert fetch(connection, "/healthz", "DELETE")[0] == 405
    assert fetch(connection, "/blob") == (200, BLOB)


def test_thousand_connections_in_a_row(client: Callable[[], http.client.HTTPConnection]) -> None:
    for n in range(1000):
        connection = client()
        assert fetch(connection, "/healthz") == (200, b"ok\n"), n
        connection.close()


def test_eight_at_once(guest: Guest, client: Callable[[], http.client.HTTPConnection]) -> None:
    def work(_: int) -> list[Answer]:
        connection = client()
        return [fetch(connection, path) for path in ("/healthz", "/blob", "/stats", "/blob")]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(40)))
    assert all(one[0] == (200, b"ok\n") and one[1] == one[3] == (200, BLOB) for one in answers)
    stats = Stub(guest.stub).stats()
    assert stats["net.interfaces.0.tx.dropped"] == stats["net.interfaces.0.rx.dropped"] == "0"
    assert stats["heap.pages.free"] == stats["heap.pages.free_counted"]


def test_stats_are_those_of_the_monitor(
    guest: Guest, client: Callable[[], http.client.HTTPConnection]
) -> None:
    status, body = fetch(client(), "/stats")
    by_http = dict(line.split("=", 1) for line in body.decode().splitlines())
    by_stub = Stub(guest.stub).stats()
    moving = ("loop.", "net.", "rings.", "heap.", "devices.", "log.", "runtime.", "orchestration.")
    assert status == 200
    growing = ("net.connections", "orchestration.health")
    assert {k for k in by_http if not k.startswith(growing)} == {
        k for k in by_stub if not k.startswith(growing)
    }
    assert {k: v for k, v in by_http.items() if not k.startswith(moving)} == {
        k: v for k, v in by_stub.items() if not k.startswith(moving)
    }


def test_pipelined_and_split_requests(guest: Guest) -> None:
    with socket.create_connection(("127.0.0.1", guest.forwarded("tcp")), 30) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\n\r\nGET /healthz HT")
        line.sendall(b"TP/1.1\r\nConnection: close\r\n\r\n")
        data = b""
        while piece := line.recv(4096):
            data += piece
    assert data.count(b"200 OK") == data.count(b"ok\n") == 2
    assert b"Connection: close" in data


@pytest.mark.parametrize(
    ("request_text", "status"),
    [(b"nonsense\r\n\r\n", b" 400 "), (b"GET / HTTP/1.1\r\nX: " + b"y" * 3000, b" 431 ")],
)
def test_refuses_what_is_no_request(guest: Guest, request_text: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", guest.forwarded("tcp")), 30) as line:
        line.sendall(request_text)
        assert status in line.recv(4096)
        assert line.recv(4096) == b""


def test_udp_echo(guest: Guest) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(10)
        line.sendto(b"marco", ("127.0.0.1", guest.forwarded("udp")))
        assert line.recv(100) == b"marco"


def test_heap_is_given_back(guest: Guest, client: Callable[[], http.client.HTTPConnection]) -> None:
    def stats() -> dict[str, str]:
        stub = Stub(guest.stub)
        found = stub.stats("heap")
        stub.resume()
        return found

    before = stats()
    for _ in range(20):
        connection = client()
        fetch(connection, "/stats")
        connection.close()
    after = stats()
    while after["heap.count"] != "0":  # the last connection is on its way out
        after = stats()
    assert int(after["heap.peak_bytes"]) > 0
    assert before["heap.count"] == after["heap.allocated_bytes"] == "0"
    assert after["heap.pages.free_counted"] == after["heap.pages.free"]
