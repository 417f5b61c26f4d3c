"""The QMP client against a scripted QEMU."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from unidbg.errors import RemoteProtocolError, TargetGone, TargetTimeout
from unidbg.transport.qmp import Qmp

pytestmark = pytest.mark.timeout(20)
GREETING = b'{"QMP": {"version": {}, "capabilities": []}}\r\n'


@contextmanager
def scripted(
    tmp_path: Path, *answers: bytes, greeting: bytes = GREETING
) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """A QEMU that gives these answers in order, then hangs up; and the commands that it got."""
    path = str(tmp_path / "qmp.sock")
    commands: list[dict[str, object]] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            sock, _ = listener.accept()
            with sock, sock.makefile("rb") as lines:
                sock.sendall(greeting)
                for answer in answers:
                    commands.append(json.loads(lines.readline()))
                    for byte in range(0, len(answer), 7):
                        sock.sendall(answer[byte : byte + 7])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield path, commands
        thread.join(5.0)


def test_commands_and_events(tmp_path: Path) -> None:
    event = b'{"event": "STOP", "timestamp": {"seconds": 2, "microseconds": 5}}\r\n{"event": "odd"}\r\n'
    with (
        scripted(tmp_path, b'{"return": {}}\r\n', event + b'{"return": {"status": "paused"}}\r\n') as (
            path,
            seen,
        ),
        Qmp(path) as qmp,
    ):
        assert qmp.command("query-status") == {"status": "paused"}
        assert qmp.events == {"STOP": 2_000_005, "odd": 0}
    assert seen == [{"execute": "qmp_capabilities"}, {"execute": "query-status"}]


def test_a_refusal_carries_qemus_words(tmp_path: Path) -> None:
    error = b'{"error": {"class": "GenericError", "desc": "no such device"}}\r\n'
    refusal = pytest.raises(RemoteProtocolError, match="no such device")
    with scripted(tmp_path, b'{"return": {}}\r\n', error) as (path, _), Qmp(path) as qmp, refusal:
        qmp.command("device_del", id="x")


def test_the_human_monitor(tmp_path: Path) -> None:
    with (
        scripted(tmp_path, b'{"return": {}}\r\n', b'{"return": "VM status: running\\r\\n"}\r\n') as (
            path,
            seen,
        ),
        Qmp(path) as qmp,
    ):
        assert qmp.human("info status").startswith("VM status")
    assert seen[1]["arguments"] == {"command-line": "info status"}


@pytest.mark.parametrize("greeting", [b"SSH-2.0\r\n", b"[1]\r\n", b'{"hello": 1}\r\n', b"\xff\xfe\n"])
def test_what_is_no_qmp(tmp_path: Path, greeting: bytes) -> None:
    with scripted(tmp_path, greeting=greeting) as (path, _), pytest.raises(RemoteProtocolError):
        Qmp(path, timeout=1.0)


def test_nobody_there_and_nobody_answering(tmp_path: Path) -> None:
    with pytest.raises(TargetGone):
        Qmp(str(tmp_path / "no.sock"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "held.sock"))
        listener.listen()
        with pytest.raises(TargetTimeout, match="another may hold it"):
            Qmp(str(tmp_path / "held.sock"), timeout=0.05)
    with scripted(tmp_path, b'{"return": {}}\r\n') as (path, _), Qmp(path) as qmp, pytest.raises(TargetGone):
        qmp.command("query-status")


def test_what_was_meant_for_the_client_before_us_may_stand_before_the_greeting(tmp_path: Path) -> None:
    left = b'{"event": "RESUME", "timestamp": {}}\r\n{"return": ""}\r\n'
    with scripted(tmp_path, b'{"return": {}}\r\n', greeting=left + GREETING) as (path, seen), Qmp(path):
        assert seen == [{"execute": "qmp_capabilities"}]
