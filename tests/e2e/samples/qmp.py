"""QMP over a connected socket: just what these tests ask of QEMU."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any


class Qmp:
    """One command at a time; events are dropped."""

    def __init__(self, line: socket.socket) -> None:
        self._file = line.makefile("rwb")
        greeting = json.loads(self._file.readline())
        assert "QMP" in greeting
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:
        """The `return` member of the answer; AssertionError with the answer when it is an error."""
        request = {"execute": command, "arguments": arguments}
        self._file.write(json.dumps(request).encode() + b"\n")
        self._file.flush()
        while True:
            answer = json.loads(self._file.readline())
            assert "error" not in answer, answer
            if "return" in answer:
                return answer["return"]

    def monitor(self, line: str) -> str:
        """The output of a line of QEMU's human monitor."""
        text = self.execute("human-monitor-command", **{"command-line": line})
        assert isinstance(text, str)
        return text

    def physical(self, address: int, length: int, scratch: Path) -> bytes:
        """Guest-physical memory, by way of the file `scratch`."""
        self.execute("pmemsave", val=address, size=length, filename=str(scratch))
        return scratch.read_bytes()
