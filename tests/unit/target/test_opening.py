"""Bad lines: each is named within seconds, with the next step, and nothing reaches a guest unasked."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.stub import BASE, QEMU, UNIDBG, FakeStub
from unidbg.errors import (
    AnotherClient,
    ConfigError,
    RemoteProtocolError,
    TargetGone,
    TargetTimeout,
)
from unidbg.target import open_target, registry
from unidbg.target.identify import looks_like

pytestmark = pytest.mark.timeout(30)

TIMEOUT = 1.0


@contextmanager
def server(behave: Callable[[socket.socket], None], family: int = socket.AF_INET) -> Iterator[str]:
    """A server on a port that the kernel chooses; serves each client in a thread."""
    with socket.socket(family) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4)
        ended = threading.Event()
        threading.Thread(target=_accept, args=(listener, behave), daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        ended.set()


def _accept(listener: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=behave, args=(sock,), daemon=True).start()


def says(banner: bytes, *, after: bytes = b"") -> Callable[[socket.socket], None]:
    """A server that says `banner`, once it has seen `after`."""

    def behave(sock: socket.socket) -> None:
        seen = b""
        while after not in seen:
            seen += sock.recv(1000)
        sock.sendall(banner)
        while sock.recv(1000):
            pass

    return behave


def silent(sock: socket.socket) -> None:
    while sock.recv(1000):
        pass


def refused(url: str, error: type[Exception], match: str) -> Exception:
    """Opening fails so, in time."""
    start = time.monotonic()
    with pytest.raises(error, match=match) as caught:
        open_target(url, timeout=TIMEOUT)
    assert time.monotonic() - start < 5.0
    return caught.value


def test_a_closed_port() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        refused(f":{port}", TargetGone, "connection refused.*unidbg run")


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    refused(f"unix:{tmp_path}/no.sock", TargetGone, "does not exist")
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    refused(f"unix:{path}", TargetGone, "its owner has ended")


def test_a_host_that_is_not_there() -> None:
    refused("no-such-host.invalid:1", TargetGone, "no such host")


@pytest.mark.parametrize(
    ("banner", "what"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH server"),
        (b'{"QMP": {"version": {}}}\r\n', "QMP socket"),
        (b"QEMU 7.2.0 monitor - type 'help' for more information\r\n(qemu) ", "QEMU's monitor"),
        (b"RFB 003.008\n", "VNC"),
        (b"[    0.000] booting kernel\r\n", "guest's console"),
        (b"\x00\x01\x02\x80\x81\x82\xff\xfe\x99", "something else"),
    ],
)
def test_a_server_that_speaks_first(banner: bytes, what: str) -> None:
    with server(says(banner)) as url:
        error = refused(url, RemoteProtocolError, what)
        assert "\x1b" not in str(error)


def test_an_http_server_answers_an_empty_line_only() -> None:
    with server(says(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>", after=b"\r\n\r\n")) as url:
        refused(url, RemoteProtocolError, "an HTTP server")


def test_a_silent_peer() -> None:
    with server(silent) as url:
        error = refused(url, TargetTimeout, "interrupts off.*another way in")
        assert "Traceback" not in str(error)


def test_a_peer_that_hangs_up() -> None:
    with server(lambda sock: sock.close()) as url:
        refused(url, TargetGone, "closed the connection|is gone")


def test_unknown_forms_are_listed() -> None:
    refused("what", ConfigError, "host:port.*@NAME")
    refused(":99999", ConfigError, "port")
    refused("@nobody", ConfigError, "no guest @nobody")


def held_listener(path: Path | None = None) -> tuple[socket.socket, socket.socket, str]:
    """A server that serves one client and lets the others queue, as QEMU does; with the client it serves."""
    if path is not None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        url = f"unix:{path}"
    else:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        url = f"127.0.0.1:{listener.getsockname()[1]}"
    listener.listen(1)
    client = socket.socket(listener.family)
    client.connect(listener.getsockname())
    listener.accept()[0].detach()
    return listener, client, url


@pytest.mark.skipif(not os.path.exists("/proc/net/unix"), reason="needs Linux's /proc")
def test_a_line_that_another_client_holds_is_named_with_its_pid_and_sent_nothing() -> None:
    listener, client, url = held_listener()
    with listener, client:
        error = refused(url, AnotherClient, f"another client holds this line.*pid {os.getpid()}")
        assert isinstance(error, AnotherClient)
        assert error.pid == os.getpid()
        queued, _ = listener.accept()
        with queued:
            assert queued.recv(100) == b"", "bytes would reach the guest when its turn comes"


@pytest.mark.skipif(not os.path.exists("/proc/net/unix"), reason="needs Linux's /proc")
def test_a_unix_socket_that_another_client_holds(tmp_path: Path) -> None:
    listener, client, url = held_listener(tmp_path / "gdb.sock")
    with listener, client:
        refused(url, AnotherClient, f"another client holds this line.*pid {os.getpid()}")


@contextmanager
def registered(name: str, **lines: str) -> Iterator[registry.GuestRecord]:
    """A guest that runs in this very process, as far as the registry knows."""
    folder = registry.claim(name)
    assert folder is not None
    record = registry.GuestRecord(
        name=name,
        image="/somewhere/app.elf",
        pid=os.getpid(),
        birth=registry.birth_of(os.getpid()),
        machine="q35",
        accelerator="tcg",
        started=time.time(),
        log=f"{folder}/console.log",
        folder=folder,
        lines=lines,
    )
    registry.write(record)
    yield record
    registry.remove(folder)


def serve(flavour: object = UNIDBG) -> Callable[[socket.socket], None]:
    def behave(sock: socket.socket) -> None:
        FakeStub(sock, flavour)  # type: ignore[arg-type]

    return behave


def test_a_named_guest_is_entered_by_its_stub() -> None:
    with (
        server(serve()) as stub,
        server(serve(QEMU)) as gdbstub,
        registered("one", stub=stub, gdbstub=gdbstub),
        closing(open_target("@one", timeout=TIMEOUT)) as target,
    ):
        assert target.kind == "unidbg"
        assert target.url == "@one"
        assert target.memory.read(BASE, 2) == b"\0\1"


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="needs Linux's /proc")
def test_a_named_guest_whose_stub_is_taken_is_entered_by_the_other_line_at_once() -> None:
    listener, client, held = held_listener()
    with listener, client, server(serve(QEMU)) as gdbstub, registered("two", stub=held, gdbstub=gdbstub):
        start = time.monotonic()
        with closing(open_target("@two", timeout=TIMEOUT)) as target:
            assert target.kind == "qemu"
        assert time.monotonic() - start < 1.0
        error = refused(held, AnotherClient, f"@two: {gdbstub}")
        assert "whichever is free" in str(error)


def test_a_named_guest_that_hangs_is_entered_by_the_hypervisor() -> None:
    with (
        server(silent) as stub,
        server(serve(QEMU)) as gdbstub,
        registered("three", stub=stub, gdbstub=gdbstub),
    ):
        with closing(open_target("@three", timeout=2.0)) as target:
            assert target.kind == "qemu"
        refused(stub, TargetTimeout, f"way into @three: {gdbstub}")


def test_when_no_line_lets_us_in_the_best_one_is_named() -> None:
    with server(silent) as stub, registered("four", stub=stub):
        refused("@four", TargetTimeout, "stays silent")


@pytest.mark.parametrize(
    ("head", "what"),
    [(b"+HTTP/1.0 200", "HTTP"), (b"\x15\x03\x01", "TLS"), (b"", "something else"), (b"-ERR", "Redis")],
)
def test_heads(head: bytes, what: str) -> None:
    assert what in looks_like(head)


def test_a_guest_that_has_the_name_of_one_that_ended_is_not_forgotten_for_it() -> None:
    with registered("successor", stub="127.0.0.1:1") as record:
        registry.forget(replace(record, pid=1, birth="1"))
        assert registry.find("successor").pid == record.pid
        registry.forget(registry.find("successor"))
        with pytest.raises(ConfigError, match="no guest @successor"):
            registry.find("successor")
