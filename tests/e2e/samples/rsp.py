"""A few packets of the GDB Remote Serial Protocol, to ask the stub for the guest's own numbers."""

from __future__ import annotations

import socket


class Stub:
    """Stops the guest with the first packet; `resume` lets it go."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._buffer = b""
        line.settimeout(30)
        line.sendall(b"+")
        self.ask("qSupported")

    def ask(self, packet: str) -> str:
        """The reply to a packet."""
        self._send(packet)
        return self._receive()

    def monitor(self, command: str) -> str:
        """The output of a monitor command."""
        self._send("qRcmd," + command.encode().hex())
        text = b""
        while True:
            reply = self._receive()
            if reply == "OK":
                return text.decode()
            if not reply.startswith("O"):
                return (text + bytes.fromhex(reply)).decode()
            text += bytes.fromhex(reply[1:])

    def stats(self, view: str = "") -> dict[str, str]:
        """The guest's own counters by path."""
        lines = self.monitor(f"stats {view}".strip()).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def resume(self) -> None:
        """Let the guest go on."""
        assert self.ask("D") == "OK"

    def _send(self, packet: str) -> None:
        data = packet.encode()
        self._line.sendall(b"$%s#%02x" % (data, sum(data) % 256))

    def _receive(self) -> str:
        while b"#" not in self._buffer or len(self._buffer) < self._buffer.index(b"#") + 3:
            piece = self._line.recv(65536)
            assert piece, "the stub's line ended"
            self._buffer += piece
        end = self._buffer.index(b"#")
        packet, self._buffer = self._buffer[self._buffer.index(b"$") + 1 : end], self._buffer[end + 3 :]
        self._line.sendall(b"+")
        return _unpack(packet).decode()


def _unpack(packet: bytes) -> bytes:
    """Undo run-length encoding."""
    out = bytearray()
    i = 0
    while i < len(packet):
        if packet[i : i + 1] == b"*":
            out += out[-1:] * (packet[i + 1] - 29)
            i += 2
        else:
            out.append(packet[i])
            i += 1
    return bytes(out)
