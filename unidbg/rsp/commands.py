"""The one table of commands: what each packet is called, what it answers with, and what it may change.

Both roles read it: a client to know which reply to expect and which caches a packet makes stale, a server
(the tests' scripted peers, later the proxy) to dispatch. Source: GDB manual "Packets" and "General Query
Packets"; LLDB's gdb-remote extensions; QEMU's `gdbstub.c` for the two `qqemu` ones.
"""

from __future__ import annotations

from enum import Enum, auto
from functools import cache

from unidbg.views.record import Record, record


class Reply(Enum):
    """The shape of a good reply. Every command may also answer with `E..` or with nothing (unsupported)."""

    OK = auto()
    HEX = auto()
    BINARY = auto()
    TEXT = auto()
    STOP = auto()
    OUTPUT = auto()
    """`O` packets, then `OK` or one packet of hexadecimal text."""
    NONE = auto()


class Effect(Enum):
    """What a command may change in the guest."""

    READS = auto()
    WRITES = auto()
    RUNS = auto()
    SESSION = auto()
    """Changes the conversation only: selected thread, acknowledgements, negotiated features."""


@record
class Command(Record):
    """One row: `prefix` starts the payload, `ends` are the bytes that may follow it (empty: anything)."""

    prefix: bytes
    reply: Reply
    effect: Effect
    ends: bytes = b""

    def matches(self, payload: bytes) -> bool:
        """True if `payload` is this command (the table is searched longest prefix first)."""
        if not payload.startswith(self.prefix):
            return False
        rest = payload[len(self.prefix) :]
        return not (self.ends and rest) or rest[0] in self.ends


_READS, _WRITES, _RUNS, _SESSION = Effect.READS, Effect.WRITES, Effect.RUNS, Effect.SESSION

COMMANDS: tuple[Command, ...] = (
    Command(b"?", Reply.STOP, _READS),
    Command(b"!", Reply.OK, _SESSION),
    Command(b"g", Reply.HEX, _READS),
    Command(b"G", Reply.OK, _WRITES),
    Command(b"p", Reply.HEX, _READS),
    Command(b"P", Reply.OK, _WRITES),
    Command(b"m", Reply.HEX, _READS),
    Command(b"M", Reply.OK, _WRITES),
    Command(b"x", Reply.BINARY, _READS),
    Command(b"X", Reply.OK, _WRITES),
    Command(b"MultiMemRead:", Reply.BINARY, _READS),
    Command(b"c", Reply.STOP, _RUNS),
    Command(b"C", Reply.STOP, _RUNS),
    Command(b"s", Reply.STOP, _RUNS),
    Command(b"S", Reply.STOP, _RUNS),
    Command(b"vCont", Reply.STOP, _RUNS, ends=b";"),
    Command(b"vCont?", Reply.TEXT, _READS),
    Command(b"vCtrlC", Reply.OK, _RUNS),
    Command(b"vKill", Reply.OK, _RUNS, ends=b";"),
    Command(b"vMustReplyEmpty", Reply.TEXT, _READS),
    Command(b"vStopped", Reply.STOP, _READS),
    Command(b"D", Reply.OK, _RUNS, ends=b";"),
    Command(b"k", Reply.NONE, _RUNS),
    Command(b"R", Reply.NONE, _RUNS),
    Command(b"H", Reply.OK, _SESSION),
    Command(b"T", Reply.OK, _READS),
    Command(b"Z", Reply.OK, _WRITES),
    Command(b"z", Reply.OK, _WRITES),
    Command(b"qSupported", Reply.TEXT, _SESSION, ends=b":"),
    Command(b"qXfer:", Reply.BINARY, _READS),
    Command(b"qAttached", Reply.TEXT, _READS, ends=b":"),
    Command(b"qC", Reply.TEXT, _READS, ends=b"\n"),
    Command(b"qfThreadInfo", Reply.TEXT, _READS),
    Command(b"qsThreadInfo", Reply.TEXT, _READS),
    Command(b"qThreadExtraInfo,", Reply.HEX, _READS),
    Command(b"qRcmd,", Reply.OUTPUT, _WRITES),
    Command(b"qOffsets", Reply.TEXT, _READS),
    Command(b"qCRC:", Reply.TEXT, _READS),
    Command(b"qSearch:memory:", Reply.TEXT, _READS),
    Command(b"qSymbol:", Reply.TEXT, _SESSION),
    Command(b"qTStatus", Reply.TEXT, _READS),
    Command(b"qqemu.PhyMemMode", Reply.TEXT, _READS),
    Command(b"Qqemu.PhyMemMode:", Reply.OK, _SESSION),
    Command(b"QStartNoAckMode", Reply.OK, _SESSION),
    Command(b"QNonStop:", Reply.OK, _SESSION),
    Command(b"QAllow:", Reply.OK, _SESSION),
    Command(b"QUnidbgLease:", Reply.OK, _SESSION),
    Command(b"qUnidbgStop", Reply.TEXT, _READS),
    Command(b"qUnidbgStood", Reply.TEXT, _READS),
    Command(b"vUnidbgLook|", Reply.NONE, _RUNS),
)


@cache
def _by_first_byte() -> dict[int, tuple[Command, ...]]:
    """The rows by first byte, longest prefix first, so that `qC` does not swallow `qCRC:`."""
    rows: dict[int, list[Command]] = {}
    for command in sorted(COMMANDS, key=lambda row: -len(row.prefix)):
        rows.setdefault(command.prefix[0], []).append(command)
    return {first: tuple(found) for first, found in rows.items()}


def find(payload: bytes) -> Command | None:
    """The row of a request, `None` for what the table does not know."""
    rows = _by_first_byte().get(payload[0], ()) if payload else ()
    return next((command for command in rows if command.matches(payload)), None)
