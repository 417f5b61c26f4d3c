"""The receiving end of a dead guest's core, without I/O: bytes in, bytes out, parts into a store.

Parts are taken in order: what is stored is always a beginning of the core, and its length is where a broken
transfer goes on. What is missing is asked for again by its offset; the guest then goes on from there.
"""

from __future__ import annotations

from typing import Protocol

from unidbg.errors import DumpError
from unidbg.target.dump import crashframes
from unidbg.target.dump.crashframes import MAX_CORE, MINIMAL, VERSION, Announcement, Frames, Part

WINDOW = 16
"""Frames that may be under way: a second and a half of a UART."""
RETRY = 1.0
"""Seconds without a part after which it is asked for again."""
HELLO = 2.0
"""Seconds between greetings, until somebody answers."""


class Store(Protocol):
    """Where the beginning of the core is kept."""

    have: int
    """Bytes that it has."""

    def begin(self, identity: int, form: int, size: int) -> None:
        """A core of that death is about to come: keep what there is of it, and nothing else."""
        ...

    def add(self, data: bytes | None, length: int) -> None:
        """What follows: data, or `length` zeros."""
        ...


class Receiver:
    """One conversation over one line. A new line needs a new one, with the same store."""

    def __init__(self, store: Store, form: int, now: float) -> None:
        self.announced: Announcement | None = None
        self.whole = False
        self.size = 0
        self._store = store
        self._form = form
        self._frames = Frames()
        self._asked = now
        """When the guest was last asked for something."""
        self._asked_at = -1
        self._progress = now

    def start(self) -> bytes:
        """The greeting."""
        return crashframes.hello()

    def feed(self, data: bytes, now: float) -> bytes:
        """Take what came (nothing: time has passed); what is to be answered. DumpError for what no guest
        says, and when the guest died anew meanwhile.
        """
        had, damaged = self._store.have, self._frames.damaged
        out, lost = b"", False
        for payload in self._frames.feed(data):
            what = crashframes.parse(payload)
            if isinstance(what, Announcement):
                out += self._hear(what, now)
            elif isinstance(what, Part) and self.size:
                lost = not self._take(what) or lost
        if self._store.have > had:
            self._progress = now
            out += crashframes.seen(self._store.have)
        if self.size and self._store.have >= self.size and not self.whole:
            self.whole = True
            return out + crashframes.bye(True)
        return out + self._again(now, lost or self._frames.damaged > damaged)

    def _hear(self, what: Announcement, now: float) -> bytes:
        first = self.size == 0
        if what.version != VERSION:
            raise DumpError(f"the guest sends dumps in version {what.version}, this unidbg knows {VERSION}")
        self.announced = what
        if not what.dead:
            return b""
        form = self._form if what.sizes[self._form] else MINIMAL
        size = what.sizes[form]
        if not 64 <= size <= MAX_CORE:
            raise DumpError(f"the guest claims a core of {size} bytes, which cannot be")
        if not first and now - self._progress < RETRY:
            return b""
        self._form, self.size = form, size
        self._store.begin(what.identity, form, size)
        return self._ask(now) if self._store.have < size else b""

    def _take(self, part: Part) -> bool:
        """False: something before it is missing."""
        have = self._store.have
        if part.at > have:
            return False
        new = min(part.at + part.length, self.size) - have
        if new > 0:
            self._store.add(part.data[have - part.at :][:new] if part.data is not None else None, new)
        return True

    def _again(self, now: float, lost: bool) -> bytes:
        """Ask once for what was lost, and again whenever nothing comes."""
        if not self.size:
            if self.announced is None and now - self._asked > HELLO:
                self._asked = now
                return crashframes.hello()
            return b""
        if self.whole:
            return b""
        waited = now - max(self._asked, self._progress)
        if waited > RETRY or (lost and self._asked_at != self._store.have):
            return self._ask(now)
        return b""

    def _ask(self, now: float) -> bytes:
        assert self.announced is not None
        self._asked, self._asked_at = now, self._store.have
        return crashframes.go(self.announced.identity, self._form, self._store.have, WINDOW)
