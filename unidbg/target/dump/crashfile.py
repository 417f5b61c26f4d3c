"""A core that arrives in a file, from front to back: what is there is always a beginning of it.

The file is `NAME.partial` until it is whole. Which death it is of, its own first note says; a file of another
one is set aside, never written over.
"""

from __future__ import annotations

import json
import os
import struct

from unidbg.errors import DumpError
from unidbg.target.dump import elf
from unidbg.target.dump.crashframes import FULL, MINIMAL
from unidbg.target.dump.encoding import encode_json, encode_note
from unidbg.target.dump.own import NT_DIGEST, NT_GUEST, NT_IMAGES, OWNER
from unidbg.target.dump.sink import digest_of
from unidbg.target.dump.source import FileSource

NAMES = {"minimal": MINIMAL, "full": FULL}
LAST_NOTES_AT = 64 + 56 + 32
"""Where the second program header has the size of the notes at the end."""
DIGEST_BYTES = len(encode_note(OWNER, NT_DIGEST, bytes(32)))


class PartialFile:
    """See `crashstream.Store`. Context manager: closes the file, and leaves it."""

    def __init__(self, path: str) -> None:
        self.path = f"{path}.partial"
        self.have = 0
        self.data_bytes = 0
        """Bytes that came as data, not as zeros, in this run."""
        self.resumed = 0
        """Where this run went on."""
        self.told = False
        """Whether somebody was told of this death."""
        self._fd = -1
        self._current: tuple[int, int] | None = None

    def begin(self, identity: int, form: int, size: int) -> None:
        """Open the file of that death, or a new one."""
        if self._current == (identity, form):
            return
        self.close()
        self._current = identity, form
        told = _told(self.path)
        if os.path.exists(self.path) and told != (identity, form):
            if told is not None:
                os.replace(self.path, f"{self.path}-{told[0]:016x}")
            else:
                os.unlink(self.path)  # not even its first notes: nothing can be read of it
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        self.have = self.resumed = min(os.fstat(self._fd).st_size, size)

    def add(self, data: bytes | None, length: int) -> None:
        """Append. OSError where the disk is full."""
        if data is None:
            os.ftruncate(self._fd, self.have + length)
        else:
            rest, at = memoryview(data), self.have
            while rest:
                done = os.pwrite(self._fd, rest, at)
                rest, at = rest[done:], at + done
            self.data_bytes += length
        self.have += length

    def finish(self, images: object) -> tuple[int, bytes]:
        """All is there: put the digest into its place, and behind it `images` for the note of that name.

        Bytes of memory, digest; DumpError for what is no core of a guest.
        """
        start, end = self._bounds()
        digest = digest_of(self.path, start, end - start)
        notes = encode_note(OWNER, NT_DIGEST, digest) + (encode_json(NT_IMAGES, images) if images else b"")
        os.pwrite(self._fd, notes, end)
        os.pwrite(self._fd, struct.pack("<QQ", len(notes), len(notes)), LAST_NOTES_AT)
        os.fsync(self._fd)
        return end - start, digest

    def _bounds(self) -> tuple[int, int]:
        """Where memory begins and ends in the file."""
        source = FileSource(self.path)
        try:
            header = elf.read_header(source)
            loads, ranges = elf.read_segments(source, header)
        finally:
            source.close()
        end = self.have - DIGEST_BYTES
        start = min(loads.offset, default=end)
        placed = (header.bits, header.segments_offset) == (64, 64) and start >= LAST_NOTES_AT + 16
        if not placed or len(ranges) != 2 or ranges[1] != (end, DIGEST_BYTES) or start > end:
            raise DumpError(f"{self.path}: what came is no core as a stub makes it", path=self.path)
        return start, end

    def close(self) -> None:
        """Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _told(path: str) -> tuple[int, int] | None:
    """(identity, form) of a core or the beginning of one; `None` where it does not get that far."""
    if not os.path.exists(path) or not os.path.getsize(path):
        return None
    source = FileSource(path)
    try:
        _, ranges = elf.read_segments(source, elf.read_header(source))
        for note in elf.read_notes(source, ranges[:1]):
            if (note.owner, note.type) == (OWNER, NT_GUEST):
                guest = json.loads(note.data)
                return int(guest["dump"], 16), NAMES[guest["form"]]
    except (DumpError, ValueError, KeyError, TypeError, RecursionError):
        return None
    finally:
        source.close()
    return None
