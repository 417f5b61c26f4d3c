"""Guest memory as QEMU saves it to a file: the slowest way, for a process that we may not read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

from unidbg.errors import ProtocolError
from unidbg.transport.qmp import Qmp

MAX_SAVE = 64 << 20
"""Bytes that are saved at a time."""


class PmemsaveWay:
    """`pmemsave`: QEMU writes a file, we read it. Addresses are guest-physical."""

    name = "pmemsave"

    def __init__(self, qmp: Qmp) -> None:
        self._qmp = qmp

    def read(self, address: int, length: int) -> bytes:
        """`length` bytes, or none; the file is removed whatever comes."""
        length = min(length, MAX_SAVE)
        folder = tempfile.mkdtemp(prefix="unidbg-")
        path = os.path.join(folder, "memory")
        try:
            os.chmod(folder, 0o733)  # QEMU may run as another user
            self._qmp.command("pmemsave", val=address, size=length, filename=path)
            with open(path, "rb") as file:
                return file.read()
        except (ProtocolError, OSError):
            return b""
        finally:
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))
            os.rmdir(folder)

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """One after the other."""
        return [self.read(*r) for r in ranges]

    def untouched(self, address: int, length: int) -> bool:
        """Nobody can tell."""
        return False

    def close(self) -> None:
        """There is nothing to let go."""
