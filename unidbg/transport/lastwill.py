"""What is done for us when we are killed: a small shell that waits for the end of a pipe.

The system closes the pipe however we go. Whoever says goodbye before has nothing left to be done.
"""

from __future__ import annotations

import os
from contextlib import suppress

SHELL = "/bin/sh"
GOODBYE = b"bye\n"
DEAF = "trap '' INT HUP TERM QUIT TSTP"
"""A Ctrl-C at the terminal is for us, not for who looks after us."""


class LastWill:
    """`script` is run by the shell when this process is gone; descriptor 3 is a copy of `fd`, if given.

    Does nothing where the host has no `posix_spawn` or no shell.
    """

    def __init__(self, script: str, fd: int = -1) -> None:
        self._pid = 0
        self._pipe = -1
        if hasattr(os, "posix_spawn") and os.access(SHELL, os.X_OK):
            self._start(f'{DEAF}; read word; [ "$word" ] || {{ {script}; }}', fd)

    def _start(self, script: str, fd: int) -> None:
        reader, self._pipe = os.pipe()
        shared = [(os.POSIX_SPAWN_DUP2, fd, 3)] if fd >= 0 else []
        try:
            self._pid = os.posix_spawn(
                SHELL,
                [SHELL, "-c", script],
                {"PATH": "/usr/bin:/bin"},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, reader, 0),
                    *shared,
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                setpgroup=0,
            )
        except OSError:
            os.close(self._pipe)
            self._pipe = -1
        finally:
            os.close(reader)

    def revoke(self) -> None:
        """We leave in order: nothing is done. Idempotent."""
        self._end(GOODBYE)

    def fulfil(self) -> None:
        """We live, but what was to be done failed: it is done now. Idempotent."""
        self._end(b"")

    def _end(self, word: bytes) -> None:
        if self._pipe < 0:
            return
        pipe, self._pipe = self._pipe, -1
        with suppress(OSError):
            os.write(pipe, word)
        os.close(pipe)
        os.waitpid(self._pid, 0)
