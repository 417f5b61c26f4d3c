"""Lines: sockets, children, serial devices (pseudo-terminals)."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from unidbg.errors import ConfigError, TargetGone, TargetTimeout
from unidbg.transport.line import Line
from unidbg.transport.opening import open_line
from unidbg.transport.url import ExecAddress, GuestName, SerialAddress, TcpAddress, UnixAddress

pytestmark = pytest.mark.timeout(20)


def write_all(line: Line, data: bytes) -> None:
    while data:
        data = data[line.write_some(data) :]


def read_exactly(line: Line, length: int) -> bytes:
    data = b""
    while len(data) < length:
        data += line.read_some(5.0)
    return data


def test_a_child_speaks_on_its_stdio() -> None:
    line = open_line(ExecAddress("cat"), 5.0)
    write_all(line, b"$qC#b4")
    assert read_exactly(line, 6) == b"$qC#b4"
    with pytest.raises(TargetTimeout, match="silent"):
        line.read_some(0.01)
    line.close()
    line.close()


def test_a_childs_last_words_are_quoted() -> None:
    line = open_line(ExecAddress("echo first >&2; echo no such guest >&2; exit 3"), 5.0)
    with pytest.raises(TargetGone, match="end of stream: no such guest"):
        line.read_some(5.0)
    line.close()
    assert line.last_words() == ""


def test_a_child_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unidbg.transport.child.ENDING", 0.05)
    line = open_line(ExecAddress("trap '' TERM; echo up; while :; do sleep 0.05; done"), 5.0)
    assert read_exactly(line, 3) == b"up\n"
    line.close()


def test_sockets(tmp_path: Path) -> None:
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        unix.bind(str(tmp_path / "s"))
        for listener, address in (
            (tcp, TcpAddress("127.0.0.1", tcp.getsockname()[1])),
            (unix, UnixAddress(str(tmp_path / "s"))),
        ):
            listener.listen()
            line = open_line(address, 5.0)
            peer, _ = listener.accept()
            with peer:
                write_all(line, b"+")
                assert peer.recv(10) == b"+"
                peer.sendall(b"$OK#9a")
                assert read_exactly(line, 6) == b"$OK#9a"
                with pytest.raises(TargetTimeout):
                    line.read_some(0.01)
            with pytest.raises(TargetGone):
                line.read_some(5.0)
            assert line.reliable
            line.close()
            assert line.last_words() == ""


def test_a_line_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unidbg.transport.sockets.WRITE_TIMEOUT", 0.05)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        line = open_line(TcpAddress("127.0.0.1", listener.getsockname()[1]), 5.0)
        with pytest.raises(TargetTimeout, match="takes no more"):
            write_all(line, bytes(64 << 20))
        line.close()


def test_serial_lines() -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    line = open_line(SerialAddress(name, 115200), 5.0)
    try:
        assert not line.reliable
        write_all(line, b"\x03\r\n$")
        assert os.read(ours, 10) == b"\x03\r\n$", "raw: nothing is translated"
        os.write(ours, b"+\r\x11\x13$OK#9a")
        assert read_exactly(line, 10) == b"+\r\x11\x13$OK#9a"
    finally:
        line.close()
        os.close(ours)
        os.close(theirs)


def test_bad_serial_lines(tmp_path: Path) -> None:
    pytest.importorskip("termios")
    with pytest.raises(TargetGone, match="No such file"):
        open_line(SerialAddress(str(tmp_path / "no")), 1.0)
    (tmp_path / "file").touch()
    with pytest.raises(TargetGone, match="no serial line"):
        open_line(SerialAddress(str(tmp_path / "file")), 1.0)
    with pytest.raises(ConfigError, match="12345 baud"):
        open_line(SerialAddress(str(tmp_path / "file"), 12345), 1.0)


def test_a_guests_name_is_no_line() -> None:
    with pytest.raises(ConfigError):
        open_line(GuestName("x"), 1.0)
