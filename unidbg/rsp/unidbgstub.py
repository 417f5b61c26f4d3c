"""What our own stub adds to the protocol: the lease and the reason of a stop. Source: docs/abi.md."""

from __future__ import annotations

from collections.abc import Sequence

from unidbg.rsp.replies import is_error, is_hex
from unidbg.views.record import Record, record

ABI = 1
"""The newest ABI that this client knows."""

LEASE_FEATURE = b"unidbg-lease"
"""In `qSupported`, with the milliseconds of the lease in hexadecimal."""
STOP_QUERY = b"qUnidbgStop"
STOOD_QUERY = b"qUnidbgStood"
"""Answered without a stop."""


def look_request(packets: Sequence[bytes]) -> bytes:
    """Stop, answer each of `packets`, go on unless the guest stopped by itself: one packet."""
    return b"|".join((b"vUnidbgLook", *packets))


def lease_request(milliseconds: int) -> bytes:
    """Ask for a lease; 0 ends it."""
    return b"QUnidbgLease:%x" % milliseconds


@record
class StubStop(Record):
    """A qUnidbgStop reply. `stops` counts the stops since boot; `fatal`: the guest cannot go on by itself."""

    kind: str
    signal: int
    fatal: bool
    stops: int
    text: str


def parse_stood(reply: bytes) -> int | None:
    """Nanoseconds that the guest stood last, by its own clock; `None` if the stub does not tell."""
    pairs = dict(pair.split(b":", 1) for pair in reply.split(b";") if b":" in pair)
    digits = pairs.get(b"ns", b"")
    return int(digits, 16) if digits and is_hex(digits) and len(digits) <= 16 else None


def parse_stub_stop(reply: bytes) -> StubStop | None:
    """The reason of the stop, `None` if the stub does not tell. Unknown keys are skipped."""
    if not reply or is_error(reply):
        return None
    parts = (pair.partition(b":") for pair in reply.split(b";"))
    pairs = {key: value for key, _, value in parts}
    text = pairs.get(b"text", b"")
    return StubStop(
        kind=pairs.get(b"kind", b"").decode("latin-1"),
        signal=_number(pairs.get(b"signal")),
        fatal=pairs.get(b"fatal") == b"1",
        stops=_number(pairs.get(b"stops")),
        text=bytes.fromhex(text.decode("ascii")).decode("utf-8", "replace") if _is_text(text) else "",
    )


def _number(digits: bytes | None) -> int:
    return int(digits, 16) if digits and is_hex(digits) else 0


def _is_text(digits: bytes) -> bool:
    return is_hex(digits) and len(digits) % 2 == 0
