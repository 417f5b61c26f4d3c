"""Who holds a line of this host: read from /proc, so that no byte has to be sent to find out.

A server that serves one client at a time (QEMU's gdbstub and chardevs) leaves a second connection in the
listen queue. The kernel shows such a connection without an inode (TCP) or as still connecting (Unix). Bytes
sent into it would reach the guest when its turn comes, long after we gave up: hence look before speaking.
All functions answer `None` or nothing where /proc does not tell (other host, other system).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

from unidbg.transport.sockdiag import connection_inode, unix_peer_inode
from unidbg.views.record import Record, record

ESTABLISHED = "01"
CONNECTING = "02"
CONNECTED = "03"
"""States of /proc/net/tcp (the first) and of /proc/net/unix (the others)."""


@record
class Holder(Record):
    """A process: `pid` and its name."""

    pid: int
    name: str


@record
class _TcpRow(Record):
    local_port: int
    remote_port: int
    inode: str


def accepted(sock: socket.socket) -> bool | None:
    """Whether the server has taken this connection up. `None`: this host cannot tell."""
    if sock.family == getattr(socket, "AF_UNIX", None):
        return _unix_accepted(sock.getpeername())
    server, client = sock.getpeername()[:2], sock.getsockname()[:2]
    inode = connection_inode(sock.family, server, client)
    return inode != 0 if inode is not None else _tcp_accepted(server[1], client[1])


def _tcp_accepted(server: int, client: int) -> bool | None:
    """The same from /proc, which also knows an IPv4 connection to a server that listens on IPv6."""
    for row in _tcp_rows():
        if row.local_port == server and row.remote_port == client:
            return row.inode != "0"
    return None


def tcp_clients(port: int) -> list[Holder]:
    """Processes of this host that hold a connection to local TCP port `port`, served ones only."""
    rows = list(_tcp_rows())
    served = {row.remote_port for row in rows if row.local_port == port and row.inode != "0"}
    inodes = {row.inode for row in rows if row.remote_port == port and row.local_port in served}
    return _processes_with(inodes - {"0"})


def tcp_port_busy(port: int) -> bool:
    """Whether a server of this host serves a client on `port` right now."""
    return any(row.local_port == port and row.inode != "0" for row in _tcp_rows())


@record
class _UnixRow(Record):
    state: str
    inode: str


def _unix_rows(path: str) -> Iterator[_UnixRow]:
    """Sockets of the server that bound `path`: listening, queued and served."""
    for line in _lines("/proc/net/unix")[1:]:
        words = line.split(None, 7)
        if len(words) == 8 and _same_socket(words[7], path):
            yield _UnixRow(words[5], words[6])


def _tcp_rows() -> Iterator[_TcpRow]:
    """Established connections of this network namespace."""
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in _lines(path)[1:]:
            words = line.split()
            if len(words) > 9 and words[3] == ESTABLISHED:
                yield _TcpRow(_port(words[1]), _port(words[2]), words[9])


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _unix_accepted(path: object) -> bool | None:
    if not isinstance(path, str) or not path:
        return None
    rows = list(_unix_rows(path))
    return not any(row.state == CONNECTING and row.inode == "0" for row in rows) if rows else None


def unix_clients(path: str) -> list[Holder]:
    """Processes of this host that the owner of the Unix socket `path` serves."""
    served = [int(row.inode) for row in _unix_rows(path) if row.state == CONNECTED and row.inode != "0"]
    peers = {unix_peer_inode(inode) for inode in served}
    return _processes_with({str(peer) for peer in peers if peer})


def unix_busy(path: str) -> bool:
    """Whether the owner of the Unix socket `path` serves a client right now."""
    return any(row.state == CONNECTED and row.inode != "0" for row in _unix_rows(path))


def _same_socket(listed: str, path: str) -> bool:
    if not listed.startswith("/"):  # bound by a relative name: of which directory, /proc does not say
        return os.path.basename(listed) == os.path.basename(path)
    return os.path.realpath(listed) == os.path.realpath(path)


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().split("\n")
    except OSError:
        return []


def _processes_with(inodes: set[str]) -> list[Holder]:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    if not wanted:
        return []
    pids = [int(name) for name in _listdir("/proc") if name.isdigit()]
    return [Holder(pid, process_name(pid)) for pid in pids if _holds(pid, wanted)]


def _holds(pid: int, wanted: set[str]) -> bool:
    folder = f"/proc/{pid}/fd"
    return any(_readlink(f"{folder}/{fd}") in wanted for fd in _listdir(folder))


def _listdir(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _readlink(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def process_name(pid: int) -> str:
    """The short name of a process, `""` if it has ended."""
    return _lines(f"/proc/{pid}/comm")[0] if _lines(f"/proc/{pid}/comm") else ""
