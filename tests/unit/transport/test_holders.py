"""Who holds a line, by the kernel's tables."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from unidbg.transport import holders, sockdiag
from unidbg.transport.holders import (
    accepted,
    process_name,
    tcp_clients,
    tcp_port_busy,
    unix_busy,
    unix_clients,
)

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="needs Linux's /proc")


@pytest.mark.parametrize("diag", [True, False])
@pytest.mark.parametrize(("bound", "host"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1")])
def test_a_connection_is_seen_to_be_accepted(
    bound: str, host: str, diag: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not diag:
        monkeypatch.setattr(holders, "connection_inode", lambda *_: None)
    family = socket.AF_INET6 if ":" in bound else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((bound, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with socket.create_connection((host, port)) as client:
            assert accepted(client) is False
            assert not tcp_port_busy(port)
            with listener.accept()[0]:
                assert accepted(client) is True
                assert tcp_port_busy(port)
                assert [holder.pid for holder in tcp_clients(port)] == [os.getpid()]


def test_unix_sockets(tmp_path: Path) -> None:
    path = str(tmp_path / "gdb.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(path)
        listener.listen()
        assert not unix_busy(path)
        client.connect(path)
        assert accepted(client) is False
        with listener.accept()[0]:
            assert accepted(client) is True
            assert unix_busy(path)
            assert [holder.pid for holder in unix_clients(path)] == [os.getpid()]


def test_what_the_kernel_does_not_know() -> None:
    assert sockdiag.connection_inode(socket.AF_INET, ("127.0.0.1", 1), ("127.0.0.1", 2)) is None
    assert sockdiag.unix_peer_inode(1) is None
    assert tcp_clients(1) == []
    assert unix_clients("/no/such.sock") == []
    assert process_name(os.getpid())
    assert process_name(2**30) == ""
