"""`exec:COMMAND`: a child process that speaks RSP on its standard input and output."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from unidbg.errors import TargetGone
from unidbg.transport.line import FdLine
from unidbg.transport.url import ExecAddress

if TYPE_CHECKING:
    import subprocess

ENDING = 2.0
"""Seconds that a child has to end after its input was closed, before it is terminated."""


class ChildLine(FdLine):
    """The stdio of a child. Its standard error goes to a file, of which messages quote the end."""

    def __init__(self, name: str, child: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        super().__init__(name, os.dup(child.stdout.fileno()), os.dup(child.stdin.fileno()), reliable=True)
        child.stdout.close()
        child.stdin.close()
        self._child = child
        self._errors = errors

    def close(self) -> None:
        """Close the pipes and see the child end."""
        import subprocess

        super().close()
        try:
            self._child.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._child.terminate()
            self._reap()
        self._errors.close()

    def _reap(self) -> None:
        import subprocess

        try:
            self._child.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def last_words(self) -> str:
        """The last line that the child wrote to its standard error."""
        if self._errors.closed:
            return ""
        end = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, end - 500))
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def open_exec(address: ExecAddress) -> ChildLine:
    """Start the command by the shell."""
    return open_program(["/bin/sh", "-c", address.command], str(address))


def open_program(command: Sequence[str], name: str = "") -> ChildLine:
    """Start a program in a session of its own, so that Ctrl-C does not reach it."""
    import subprocess
    import tempfile

    errors = tempfile.TemporaryFile()  # noqa: SIM115 -- ChildLine closes it
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    except OSError as error:
        errors.close()
        raise TargetGone(f"{name or command[0]}: {error.strerror or error}") from None
    return ChildLine(name or command[0], child, errors)
