"""A conversation in GDB/MI, driven by token and prompt.

line.write(conversation.send("-data-list-register-names"))
while conversation.answer is None:
    conversation.receive_data(line.read())
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unidbg.errors import LocalProtocolError, RemoteProtocolError
from unidbg.mi.records import Notice, Output, Prompt, Record, Result, parse_record

MAX_LINE = 64 << 20
MAX_NOTICES = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """All that came for one command: its result, and the text that gdb printed meanwhile."""

    result: Result
    console: str
    log: str

    @property
    def values(self) -> Mapping[str, Any]:
        """The values of the result."""
        return self.result.values


@dataclass(slots=True)
class _Pending:
    token: int
    result: Result | None = None
    text: dict[str, list[str]] = field(default_factory=dict)


class Conversation:
    """One command at a time. `ready` after gdb's first prompt; `notices` gathers what happened since."""

    def __init__(self) -> None:
        self.ready = False
        self.notices: list[Notice] = []
        self.answer: Answer | None = None
        self._buffer = bytearray()
        self._token = 0
        self._pending: _Pending | None = None

    def send(self, command: str) -> bytes:
        """The bytes of a command (MI, or of the console: `info threads`); its answer will be in `answer`."""
        if self._pending is not None:
            raise LocalProtocolError("gdb has not answered the last command yet")
        if "\n" in command or "\r" in command:
            raise LocalProtocolError("a command is one line")
        self._token += 1
        self._pending = _Pending(self._token)
        self.answer = None
        text = command if command.startswith("-") else f"-interpreter-exec console {_quoted(command)}"
        return f"{self._token}{text}\n".encode()

    def receive_data(self, data: bytes) -> list[Record]:
        """Take what gdb wrote, in whatever pieces; the records that it completes."""
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        if len(rest) > MAX_LINE:
            raise RemoteProtocolError("gdb writes a line without end")
        self._buffer = bytearray(rest)
        return [self._take(line.decode("utf-8", "replace").rstrip("\r")) for line in lines]

    def stopped(self) -> Notice | None:
        """The oldest `*stopped` that nobody has taken yet."""
        for index, notice in enumerate(self.notices):
            if notice.word == "stopped":
                return self.notices.pop(index)
        return None

    def _take(self, line: str) -> Record:
        record = parse_record(line)
        if isinstance(record, Prompt):
            self._prompt()
        elif isinstance(record, Notice):
            self.notices = [*self.notices[-MAX_NOTICES:], record]
        elif self._pending is not None:
            self._keep(self._pending, record)
        return record

    def _keep(self, pending: _Pending, record: Result | Output) -> None:
        if isinstance(record, Output):
            pending.text.setdefault(record.kind, []).append(record.text)
        elif record.token == pending.token:
            pending.result = record

    def _prompt(self) -> None:
        """A prompt ends the answer whose result has come; one that comes before it belongs to the last."""
        self.ready = True
        pending = self._pending
        if pending is None or pending.result is None:
            return
        text = {kind: "".join(pieces) for kind, pieces in pending.text.items()}
        self.answer = Answer(pending.result, text.get("console", ""), text.get("log", ""))
        self._pending = None


def _quoted(command: str) -> str:
    """A console command as an MI string."""
    escaped = command.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
