"""The real gdb as a child, driven by MI: for tests and benches that hold ours against it."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from unidbg.errors import TargetError, TargetTimeout
from unidbg.mi.conversation import Answer, Conversation
from unidbg.mi.records import Notice
from unidbg.transport.child import open_program
from unidbg.transport.line import Line

COMMAND = ("gdb", "-nx", "-q", "--interpreter=mi3")


class GdbError(TargetError):
    """gdb refused a command; the message is its own."""


class Gdb:
    """A running gdb. Synchronous: `command` returns when gdb has answered and prompts again."""

    def __init__(self, *arguments: str, timeout: float = 30.0) -> None:
        """Start gdb with `arguments` (an image, `-iex COMMAND` ...)."""
        self.timeout = timeout
        self.conversation = Conversation()
        self._line: Line = open_program([*COMMAND, *arguments])
        try:
            self._until(lambda: self.conversation.ready, timeout)
        except BaseException:
            self._line.close()
            raise

    def command(self, text: str, *, timeout: float | None = None) -> Answer:
        """The answer to an MI command (`-break-insert main`) or to one of the console (`info threads`).

        Raises `GdbError` with gdb's words, `TargetTimeout`, or `TargetGone` if gdb ended.
        """
        data = self.conversation.send(text)
        while data:
            data = data[self._line.write_some(data) :]
        self._until(lambda: self.conversation.answer is not None, timeout)
        answer = self.conversation.answer
        assert answer is not None
        if answer.result.error is not None:
            raise GdbError(f"gdb: {text}: {answer.result.error}")
        return answer

    def wait_stopped(self, timeout: float | None = None) -> Notice:
        """The next `*stopped`, those that came before included."""
        found: list[Notice] = []

        def came() -> bool:
            notice = self.conversation.stopped()
            found.extend([notice] if notice else [])
            return bool(found)

        self._until(came, timeout)
        return found[0]

    def _until(self, done: Callable[[], bool], timeout: float | None) -> None:
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TargetTimeout("gdb did not answer in time")
            self.conversation.receive_data(self._line.read_some(left))

    def close(self) -> None:
        """End gdb: it lets go of what it holds. Idempotent."""
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
