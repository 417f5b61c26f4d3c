"""The line before any session: acknowledgements, damage, fragments. Done first, while all is as it starts."""

from __future__ import annotations

import time

from unidbg.errors import TargetGone, TargetTimeout
from unidbg.rsp.framing import Decoder, Mark, Packet, Role, frame
from unidbg.rsp.stop import is_stop_reply
from unidbg.target.link import Link

PATIENCE = 1.0
QUESTION = b"qSupported:swbreak+;hwbreak+;vContSupported+;xmlRegisters=i386"
YES = ""


class Raw:
    """A client that breaks rules on purpose."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._decoder = Decoder(Role.CLIENT)

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        while data:
            data = data[self._link.line.write_some(data) :]

    def replies(self, packets: int, refusals: int = 0) -> tuple[list[bytes], int]:
        """Up to so many packets and refusals, and what came. Stop replies are kept for the session."""
        found: list[bytes] = []
        refused = 0
        deadline = time.monotonic() + PATIENCE
        while len(found) < packets or refused < refusals:
            try:
                data = self._link.line.read_some(deadline - time.monotonic())
            except TargetTimeout:
                break
            for event in self._decoder.feed(data):
                if event is Mark.NACK:
                    refused += 1
                elif isinstance(event, Packet):
                    self._take(event.payload, found)
        return found, refused

    def _take(self, payload: bytes, found: list[bytes]) -> None:
        if is_stop_reply(payload):
            self._link.stray_stops.append(payload)
        else:
            found.append(payload)


def try_the_line(link: Link) -> dict[str, str]:
    """What is wrong with each probe of the line, by its name; `YES` (empty) where nothing is."""
    raw = Raw(link)
    try:
        return _tried(raw)
    except TargetGone as gone:
        return dict.fromkeys(("fragments", "damage", "repeats"), str(gone))


def _tried(raw: Raw) -> dict[str, str]:
    packet = frame(QUESTION)
    raw.send(b"+")
    for byte in packet:
        raw.send(bytes((byte,)))
    first, _ = raw.replies(1)
    if not first:
        return dict.fromkeys(("fragments", "damage", "repeats"), "no answer to a packet")
    raw.send(b"-")
    again, _ = raw.replies(1)
    raw.send(b"+$" + QUESTION + b"#00")
    answered, refused = raw.replies(0, refusals=1)
    if answered:
        raw.send(b"+")
    return {
        "fragments": YES,
        "repeats": YES if again == first else "a reply that was refused did not come again",
        "damage": YES if refused and not answered else "a packet with a wrong sum was not refused",
    }
