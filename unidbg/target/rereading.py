"""Memory that is read again and again over a slow line: what has not changed is not sent again.

What was read is kept, in grains. Grains that changed lately are read; of the others the stub makes sums
(qCRC) at the same stop, a dozen bytes for a thousand: where a sum is as it was, so are the bytes. Where it
is not, its grains are read at another look, and the sums of all others are made again there, so that what is
told is always of one stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from unidbg.rsp.memory import memory_sum

GRAIN = 32
SPAN = 4096
"""Bytes of a sum at most: so many are read when it has changed."""
BRIDGE = 256
"""Bytes between two ranges that are kept too, so that one sum covers both ranges."""
WORTH = 48
"""Bytes that cost less than a sum of them."""
PATIENCE, MAX_PATIENCE = 8, 1024
"""Looks for which a grain is read after it has changed; twice as many each time that it surprised us."""
STALE = 64
"""Looks after which what nobody asked for is no longer believed to be as it was."""
LONG = 4096
"""Bytes of a range that is believed to stay as it is from the first on: page tables."""
MAX_GRAINS = 1 << 15
PAGE_GRAINS = 4096 // GRAIN

_RUN = re.compile(rb"(.)\1{3,97}")

Range = tuple[int, int]


class Question(NamedTuple):
    """What a look has to ask: ranges to read, and ranges of which sums are enough."""

    reads: list[Range]
    sums: list[Range]


class Rereading:
    """Of one target. No I/O: `ask` says what is to be asked, `learn` and `confirm` take what was answered."""

    def __init__(self) -> None:
        self.sums = True
        """False for a stub that makes none."""
        self._now = 0
        self._held: dict[int, bytes] = {}
        self._seen: dict[int, int] = {}
        self._hot: dict[int, int] = {}
        self._patience: dict[int, int] = {}
        self._needed: set[int] = set()
        self._new: set[int] = set()
        """Grains that were read once: whether they change is not known, and at first many do."""
        self._barred: set[int] = set()
        """Grains between ranges that change: nobody needs them, and no sum may cover them."""

    def begin(self) -> None:
        """Another refresh."""
        self._now += 1
        if len(self._held) > MAX_GRAINS:
            self.forget()

    def forget(self) -> None:
        """Everything is read next time."""
        for kept in (self._held, self._seen, self._hot, self._patience):
            kept.clear()
        self._barred.clear()
        self._new.clear()

    def unknown(self, ranges: Iterable[Range]) -> Question:
        """What of `ranges` was never read."""
        grains = {grain for at in ranges for grain in _grains(at)}
        return Question([_bytes(*run) for run in _runs(sorted(grains - self._held.keys()))], [])

    def ask(self, ranges: Iterable[Range]) -> Question:
        """What of `ranges` is to be read, and what to be summed."""
        needed = sorted({grain for at in ranges for grain in _grains(at)})
        self._needed = set(needed)
        self._barred -= self._needed
        wanted = self._bridged(needed) if self.sums else needed
        reads = [grain for grain in wanted if not self._cold(grain)]
        sums = []
        for first, end in _runs([grain for grain in wanted if self._cold(grain)]):
            own = [grain for grain in range(first, end) if grain in self._needed]
            if len(own) * GRAIN <= WORTH:
                reads += own
            else:
                sums += _cut(own[0], own[-1] + 1)
        return Question([_bytes(*run) for run in _runs(sorted(reads))], sums)

    def _bridged(self, needed: Sequence[int]) -> list[int]:
        """The grains with those of the short gaps between them, but for those that are barred."""
        found: list[int] = []
        for grain in needed:
            last = found[-1] if found else grain
            near = grain - last <= BRIDGE // GRAIN and last // PAGE_GRAINS == grain // PAGE_GRAINS
            if near:
                found += [gap for gap in range(last + 1, grain) if gap not in self._barred]
            found.append(grain)
        return found

    def _cold(self, grain: int) -> bool:
        """Whether a sum tells enough of it."""
        if not self.sums or grain not in self._held:
            return False
        if grain in self._new and self._seen[grain] < self._now:
            return False
        return self._hot.get(grain, 0) < self._now and self._now - self._seen[grain] <= STALE

    def learn(self, asked: Range, data: bytes) -> None:
        """What was read of `Question.reads`, by whole grains; short where the rest cannot be read."""
        assert asked[0] % GRAIN == 0
        for offset, grain in enumerate(_grains(asked)):
            piece = data[offset * GRAIN : (offset + 1) * GRAIN]
            known = self._held.get(grain)
            if known is not None and known != piece:
                self._changed(grain)
            if known is None and asked[1] < LONG:
                self._new.add(grain)
            else:
                self._new.discard(grain)
            if piece:
                self._held[grain], self._seen[grain] = piece, self._now
            else:
                self._held.pop(grain, None)

    def _changed(self, grain: int) -> None:
        if grain not in self._needed:
            self._barred.add(grain)
        surprised = self._hot.get(grain, 0) < self._now and grain not in self._new
        before = self._patience.get(grain, PATIENCE // 2)
        self._patience[grain] = min(2 * before, MAX_PATIENCE) if surprised else before
        self._hot[grain] = self._now + self._patience[grain]

    def confirm(self, asked: Range, found: int | None) -> bool:
        """Whether a sum (`None`: it could not be made) is that of what is held; what is not is read next."""
        grains = _grains(asked)
        if found == memory_sum(b"".join(self._held[grain] for grain in grains)):
            self._seen.update(dict.fromkeys(grains, self._now))
            return True
        self._seen.update(dict.fromkeys(grains, self._now - STALE - 1))
        return False

    def digits(self, at: Range) -> int:
        """Bytes that a range takes in hexadecimal digits with runs shortened, as it was; else at most."""
        data = self.data(at)
        unknown = at[1] - len(data)
        return len(_RUN.sub(b"###", data.hex().encode("ascii"))) + 2 * unknown

    def data(self, wanted: Range) -> bytes:
        """A range as far as it is held without a gap."""
        address, length = wanted
        out = bytearray()
        for grain in _grains(wanted):
            piece = self._held.get(grain, b"")
            out += piece
            if len(piece) < GRAIN:
                break
        skipped = address % GRAIN
        return bytes(out[skipped : skipped + length])


def _grains(at: Range) -> range:
    address, length = at
    return range(address // GRAIN, (address + length + GRAIN - 1) // GRAIN)


def _bytes(first: int, end: int) -> Range:
    return first * GRAIN, (end - first) * GRAIN


def _runs(grains: Sequence[int]) -> list[tuple[int, int]]:
    """Sorted grains as (first, end) of neighbours."""
    runs: list[tuple[int, int]] = []
    for grain in grains:
        if runs and runs[-1][1] == grain:
            runs[-1] = (runs[-1][0], grain + 1)
        else:
            runs.append((grain, grain + 1))
    return runs


def _cut(first: int, end: int) -> list[Range]:
    step = SPAN // GRAIN
    return [_bytes(start, min(start + step, end)) for start in range(first, end, step)]
