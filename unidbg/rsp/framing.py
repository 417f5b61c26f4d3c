"""Packet framing: checksums, escapes, run lengths, and a decoder that takes bytes as they come.

Source: GDB manual, appendix "Remote Protocol", Overview and Binary Data.
"""

from __future__ import annotations

import re
from enum import Enum

ACK = b"+"
NACK = b"-"
INTERRUPT = b"\x03"

DEFAULT_LIMIT = 4 << 20
"""Bytes of payload that a decoder accepts: rr offers 1 MiB packets, nobody more."""

_RUN = re.compile(rb"(.)((?:\*.)+)", re.DOTALL)
_ESCAPE = re.compile(rb"\}(.)", re.DOTALL)
_HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")
_UNESCAPED = [bytes([code ^ 0x20]) for code in range(256)]


class FramingError(ValueError):
    """A payload that no peer may send: an impossible run length, or longer than the limit."""


class Role(Enum):
    """Which end we are: only replies may be run-length encoded, only requests carry 0x03."""

    CLIENT = "client"
    SERVER = "server"


class _Bytes:
    """What the four kinds of events with bytes share. Made for each packet, hence by hand."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, _Bytes) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash((type(self), self.raw))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.raw!r})"


class Packet(_Bytes):
    """A packet whose checksum was right."""

    __slots__ = ()

    @property
    def payload(self) -> bytes:
        """What it carries, decoded."""
        return self.raw


class Notification(_Bytes):
    """A `%` packet, which nobody acknowledges."""

    __slots__ = ()

    @property
    def payload(self) -> bytes:
        """What it carries, decoded."""
        return self.raw


class Damaged(_Bytes):
    """A packet that cannot be believed: wrong checksum or impossible encoding. `raw` is what came."""

    __slots__ = ()


class Junk(_Bytes):
    """Bytes between packets that belong to none: line noise, or a peer that does not speak RSP."""

    __slots__ = ()


class Mark(Enum):
    """Single bytes between packets."""

    ACK = 0x2B
    NACK = 0x2D
    INTERRUPT = 0x03


Event = Packet | Notification | Damaged | Junk | Mark


def checksum(raw: bytes) -> int:
    """The sum of all bytes modulo 256."""
    return sum(raw) & 0xFF


def escape(data: bytes, *, reply: bool = False) -> bytes:
    """`data` with the framing bytes escaped; in replies `*` as well, which would start a run."""
    out = data.replace(b"}", b"}]").replace(b"#", b"}\x03").replace(b"$", b"}\x04")
    return out.replace(b"*", b"}\n") if reply else out


def unescape(raw: bytes) -> bytes:
    """The inverse of `escape`. A lone `}` at the end stays: there is nothing it could apply to."""
    if b"}" not in raw:
        return raw
    return _ESCAPE.sub(lambda match: _UNESCAPED[match[1][0]], raw)


def expand_runs(raw: bytes, limit: int = DEFAULT_LIMIT) -> bytes:
    """Replace each `X*n` by n - 28 bytes X. `FramingError` on a bad count or on more than `limit` bytes."""
    if b"*" not in raw:
        return raw
    if raw.startswith(b"*"):
        raise FramingError("a run with nothing to repeat")
    grown = len(raw)

    def expand(match: re.Match[bytes]) -> bytes:
        nonlocal grown
        counts = [code - 29 for code in match[2][1::2]]
        if any(not 3 <= count <= 97 for count in counts):
            raise FramingError("a run length out of range")
        grown += sum(counts)
        if grown > limit:
            raise FramingError("a packet that expands beyond the limit")
        return match[1] * (1 + sum(counts))

    return _RUN.sub(expand, raw)


def frame(payload: bytes, *, start: bytes = b"$") -> bytes:
    """`payload` on the wire. Binary data in it must be escaped already: see `escape`."""
    return b"%b%b#%02x" % (start, payload, sum(payload) & 0xFF)


class Decoder:
    """Turns a stream of bytes into events, in whatever pieces the stream arrives.

    >>> decoder = Decoder(Role.CLIENT)
    >>> decoder.feed(b"+$OK#9a")
    [<Mark.ACK: 43>, Packet(b'OK')]
    """

    def __init__(self, role: Role, *, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._scanned = 0
        self._client = role is Role.CLIENT
        marks = [Mark.ACK, Mark.NACK] + ([] if self._client else [Mark.INTERRUPT])
        self._marks = {mark.value: mark for mark in marks}
        wanted = b"[$%+-]" if self._client else b"[$%+\x03-]"
        self._start = re.compile(wanted)

    @property
    def mid_packet(self) -> bool:
        """True while the beginning of a packet waits for its rest."""
        return bool(self._buffer)

    def reset(self) -> None:
        """Forget the packet that has begun: its rest will not come."""
        self._take(len(self._buffer))

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        self._buffer += data
        events: list[Event] = []
        while self._buffer:
            event = self._next()
            if event is None:
                break
            events.append(event)
        return events

    def _next(self) -> Event | None:
        first = self._buffer[0]
        mark = self._marks.get(first)
        if mark is not None:
            del self._buffer[0]
            return mark
        if first in b"$%":
            return self._packet()
        return self._junk()

    def _junk(self) -> Junk:
        match = self._start.search(self._buffer)
        return Junk(self._take(match.start() if match else len(self._buffer)))

    def _packet(self) -> Event | None:
        end = self._buffer.find(b"#", self._scanned)
        if end < 0:
            self._scanned = len(self._buffer)
            return Damaged(self._take(self._scanned)) if self._scanned > self._limit else None
        restart = self._buffer.rfind(b"$", 1, end)
        if restart > 0:
            return Damaged(self._take(restart))
        if len(self._buffer) < end + 3:
            return None
        return self._finish(self._take(end + 3))

    def _take(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._scanned = 0
        return taken

    def _finish(self, raw: bytes) -> Event:
        body, digits = raw[1:-3], raw[-2:]
        if not _HEX_DIGITS.issuperset(digits) or int(digits, 16) != sum(body) & 0xFF:
            return Damaged(raw)
        try:
            payload = unescape(expand_runs(body, self._limit) if self._client else body)
        except FramingError:
            return Damaged(raw)
        return Notification(payload) if raw[0] == 0x25 else Packet(payload)
