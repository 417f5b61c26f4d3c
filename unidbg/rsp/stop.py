"""Stop replies: why the guest stands, on which thread, with which registers sent along.

Source: GDB manual, "Stop Reply Packets".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from unidbg.errors import RemoteProtocolError
from unidbg.rsp.replies import as_text, is_hex, unhex
from unidbg.rsp.threads import valid_thread_id

_WATCHPOINTS = ("watch", "rwatch", "awatch")

SIGNAL_NAMES = {
    0: "no signal",
    2: "SIGINT",
    4: "SIGILL",
    5: "SIGTRAP",
    6: "SIGABRT",
    7: "SIGEMT",
    8: "SIGFPE",
    9: "SIGKILL",
    10: "SIGBUS",
    11: "SIGSEGV",
    15: "SIGTERM",
    17: "SIGSTOP",
}
"""GDB's own signal numbers, which are not those of Linux."""


@dataclass(frozen=True, slots=True)
class StopReply:
    """One stop reply. `kind` is `signal`, `exited` (signal: the exit code), `terminated` or `no-resumed`.

    `reason` is the word of the T packet (`swbreak`, `hwbreak`, `watch` ...; `""` if there is none) and
    `address` what a watchpoint saw. `registers` maps register numbers to raw bytes in target order; `extra`
    keeps all other keys, our stub's `reason` text (hexadecimal on the wire) among them.
    """

    kind: str
    signal: int
    thread: str = ""
    core: int | None = None
    reason: str = ""
    address: int | None = None
    registers: Mapping[int, bytes] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)


def is_stop_reply(payload: bytes) -> bool:
    """True for T, S, W, X with two digits, and N: what an unsolicited packet must look like."""
    return payload == b"N" or (
        payload[:1] in (b"T", b"S", b"W", b"X") and is_hex(payload[1:3]) and _ends(payload)
    )


def _ends(payload: bytes) -> bool:
    if payload[:1] == b"T":
        return len(payload) >= 3
    return len(payload) == 3 or payload[3:4] == b";"


def parse_stop_reply(payload: bytes) -> StopReply:
    """Parse a stop reply; unknown keys are kept in `extra`, malformed ones are a `RemoteProtocolError`."""
    if not is_stop_reply(payload):
        raise RemoteProtocolError(f"the stub sent a bad stop reply: '{as_text(payload)}'", data=payload)
    if payload == b"N":
        return StopReply("no-resumed", 0)
    signal = int(payload[1:3], 16)
    letter = payload[:1]
    if letter == b"T":
        return _parse_pairs(signal, payload[3:])
    kind = {b"S": "signal", b"W": "exited", b"X": "terminated"}[letter]
    return StopReply(kind, signal)


def _parse_pairs(signal: int, body: bytes) -> StopReply:
    registers: dict[int, bytes] = {}
    extra: dict[str, str] = {}
    for pair in body.split(b";"):
        key, colon, value = pair.partition(b":")
        if not colon:
            continue
        if is_hex(key):
            _add_register(registers, key, value)
        else:
            extra[key.decode("latin-1")] = value.decode("latin-1")
    return _from_pairs(signal, registers, extra)


def _add_register(registers: dict[int, bytes], key: bytes, value: bytes) -> None:
    if value.strip(b"x"):  # all x: unavailable
        registers[int(key, 16)] = unhex(value, "register in a stop reply")


def _from_pairs(signal: int, registers: dict[int, bytes], extra: dict[str, str]) -> StopReply:
    thread = extra.pop("thread", "")
    core = extra.pop("core", "")
    reason, address = _reason(extra)
    return StopReply(
        "signal",
        signal,
        thread=thread if valid_thread_id(thread) else "",
        core=int(core, 16) if is_hex(core.encode("latin-1")) else None,
        reason=reason,
        address=address,
        registers=registers,
        extra=extra,
    )


def _reason(extra: dict[str, str]) -> tuple[str, int | None]:
    for word in _WATCHPOINTS:
        if word in extra:
            digits = extra.pop(word).encode("latin-1")
            return word, int(digits, 16) if is_hex(digits) else None
    for word in ("swbreak", "hwbreak", "library", "fork", "vfork", "exec", "create", "syscall_entry"):
        if word in extra:
            extra.pop(word)
            return word, None
    return "", None
