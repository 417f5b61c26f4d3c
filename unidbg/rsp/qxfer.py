"""qXfer: documents that a stub sends in pieces (target description, thread list, memory map, file names).

Source: GDB manual, "General Query Packets", qXfer.
"""

from __future__ import annotations

from unidbg.errors import RemoteProtocolError
from unidbg.rsp.replies import as_text, is_error

MAX_DOCUMENT = 1 << 20


def request(kind: str, annex: str, offset: int, length: int) -> bytes:
    """Ask for `length` bytes of document (`kind`, `annex`) from `offset` on."""
    return b"qXfer:%b:read:%b:%x,%x" % (
        kind.encode("ascii"),
        annex.encode("latin-1", "replace"),
        offset,
        length,
    )


class Document:
    """A document as its pieces come in. `None` from `data` means that the stub does not have it."""

    def __init__(self, kind: str, annex: str, piece: int) -> None:
        self._kind = kind
        self._annex = annex
        self.piece = piece
        self._data = bytearray()
        self._expected: list[int] = []
        self.done = False
        self.missing = False

    def next_request(self) -> bytes:
        """The request for the piece that comes next."""
        return self.next_requests(1)[0]

    def next_requests(self, count: int, piece: int | None = None) -> list[bytes]:
        """Requests for the next `count` pieces, for pipelining; those past the end are answered with `l`."""
        size = piece or self.piece
        start = len(self._data)
        self._expected = [start + index * size for index in range(count)]
        return [request(self._kind, self._annex, offset, size) for offset in self._expected]

    def feed(self, reply: bytes) -> None:
        """Take the reply to the oldest request. Pieces after a short one do not join and are dropped."""
        offset = self._expected.pop(0) if self._expected else len(self._data)
        if self.done or offset != len(self._data):
            return
        if not reply or is_error(reply):
            self.done = self.missing = True
            return
        kind = reply[:1]
        if kind not in (b"m", b"l"):
            raise RemoteProtocolError(f"the stub sent a bad qXfer reply: '{as_text(reply)}'", data=reply[:64])
        self._data += reply[1:]
        self.done = kind == b"l" or len(reply) == 1
        if len(self._data) > MAX_DOCUMENT:
            raise RemoteProtocolError(f"the stub's {self._kind} document does not end")

    @property
    def data(self) -> bytes | None:
        """What has come so far: the whole document once `done`."""
        return None if self.missing else bytes(self._data)
