"""`qmp:PATH`: QEMU is asked for its gdbstub, and to open one where it has none.

Registers and virtual memory come over RSP alone; QMP is the way to find it, or to have it opened, on a guest
that was started without.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import AbstractContextManager, nullcontext

from unidbg.errors import ProtocolError, TargetError
from unidbg.transport.qmp import Qmp
from unidbg.transport.url import Address, TcpAddress, UnixAddress, parse_url

LABELS = ("gdb", "gdbstub")
"""What QEMU calls the chardev of a gdbstub: the first in our own command lines, the second by itself."""


class Gate:
    """The way to a gdbstub through QMP. `TargetGone`, `TargetTimeout` if QEMU does not answer at `path`."""

    def __init__(self, path: str, timeout: float, beside: Qmp | None = None) -> None:
        """`beside`: a connection that is open already; QEMU serves one at a time."""
        self._path = path
        self._timeout = timeout
        self._beside = beside
        self._folder = ""
        with self._monitor() as qmp:
            self.gdbstub = _listening(qmp) or self._open(qmp)

    def _monitor(self) -> AbstractContextManager[Qmp]:
        return nullcontext(self._beside) if self._beside else Qmp(self._path, timeout=self._timeout)

    def _open(self, qmp: Qmp) -> Address:
        """Have QEMU listen on a Unix socket that only this user reaches."""
        self._folder = tempfile.mkdtemp(prefix="unidbg-")
        path = os.path.join(self._folder, "gdb.sock")
        said = qmp.human(f"gdbserver unix:{path},server=on,wait=off")
        if not os.path.exists(path):
            self._remove()
            raise TargetError(f"qmp:{qmp.path}: QEMU opens no gdbstub: {said.strip() or 'it says nothing'}")
        return UnixAddress(path)

    def close(self) -> None:
        """Close what was opened. Idempotent; a QEMU that has ended needs nothing."""
        if not self._folder:
            return
        try:
            with self._monitor() as qmp:
                qmp.human("gdbserver none")
        except (TargetError, ProtocolError):
            pass  # gone, or held by somebody else: the socket's folder is removed all the same
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = ""


def _listening(qmp: Qmp) -> Address | None:
    """The gdbstub that there is."""
    for chardev in qmp.command("query-chardev"):
        if chardev.get("label") in LABELS:
            return _address(str(chardev.get("filename", "")))
    return None


def _address(filename: str) -> Address | None:
    """A chardev's file name as an address: `disconnected:tcp:127.0.0.1:1234,server=on`, `unix:PATH,...`."""
    place = filename.removeprefix("disconnected:").partition(",server")[0].partition(" <->")[0]
    if place.startswith("unix:"):
        return UnixAddress(place.removeprefix("unix:"))
    if not place.startswith("tcp:"):
        return None
    found = parse_url(place.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]"))
    return found if isinstance(found, TcpAddress) else None
