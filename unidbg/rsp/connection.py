"""One end of an RSP conversation: framing plus acknowledgements and retransmission, still without I/O.

connection.send(b"qC")                      queue a packet
line.write(connection.data_to_send())       what to put on the wire, acknowledgements included
connection.receive_data(line.read())        -> the events for the caller
"""

from __future__ import annotations

import re
from collections import deque

from unidbg.errors import RemoteProtocolError
from unidbg.rsp.framing import (
    ACK,
    INTERRUPT,
    NACK,
    Damaged,
    Decoder,
    Event,
    Junk,
    Mark,
    Notification,
    Packet,
    Role,
    frame,
)

MAX_RETRANSMITS = 8
_END = re.compile(rb"#[0-9a-f]{2}")


class Connection:
    """The framing state of one end. Starts in acknowledge mode, as the protocol does."""

    def __init__(self, role: Role, *, limit: int | None = None) -> None:
        self._decoder = Decoder(role) if limit is None else Decoder(role, limit=limit)
        self._role = role
        self._out = bytearray()
        self._unacked: deque[bytes] = deque()
        self._early_acks = 0
        self._retransmits = 0
        self._junk = b""
        self._awaits = False
        self.acks = True
        self.troubled = False
        """Set by us where bytes were damaged or lost: replies may come twice, as RSP numbers no packets."""

    @property
    def mid_packet(self) -> bool:
        """True while part of an incoming packet waits for its rest."""
        return self._decoder.mid_packet

    @property
    def unacknowledged(self) -> int:
        """Packets that were sent and neither acknowledged nor answered."""
        return len(self._unacked)

    def stop_acks(self) -> None:
        """Both ends agreed on QStartNoAckMode; the `OK` to it was the last packet to be acknowledged."""
        self.acks = False
        self._unacked.clear()
        self._early_acks = 0

    def send(self, payload: bytes, *, early_ack: bool = False) -> None:
        """Queue a packet. `early_ack` acknowledges the reply that comes before this request is read.

        Pipelined requests need the latter: QEMU waits for a `+` after each reply before it reads on.
        """
        framed = frame(payload)
        self._awaits = self._role is Role.CLIENT
        if self.acks:
            if early_ack:
                self._early_acks += 1
                self._out += ACK
            self._unacked.append(framed)
        self._out += framed

    def notify(self, payload: bytes) -> None:
        """Queue a notification (server)."""
        self._out += frame(payload, start=b"%")

    def interrupt(self) -> None:
        """Queue 0x03, which stops a running guest (client)."""
        self._out += INTERRUPT

    def acknowledge(self) -> None:
        """Queue a `+` of its own: some stubs say nothing, or repeat themselves, before they see one."""
        if self.acks:
            self._out += ACK

    def data_to_send(self) -> bytes:
        """All that is queued; it counts as sent."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def receive_data(self, data: bytes) -> list[Event]:
        """The events in `data`. Acknowledgements are consumed; `RemoteProtocolError` if nonsensical."""
        events: list[Event] = []
        for event in self._decoder.feed(data):
            if event is Mark.ACK:
                self._acked()
            elif event is Mark.NACK:
                self._retransmit_one()
            else:
                self._answer(event)
                events.append(event)
        return events

    def retransmit(self) -> bool:
        """The line stayed silent: refuse a packet that does not end, or send the one unacknowledged again.

        False if there is neither.
        """
        if self.acks and self._decoder.mid_packet:
            self._decoder.reset()
            self._refuse()
        elif len(self._unacked) == 1:
            self._retransmit_one()
        else:
            return False
        return True

    def forget(self) -> None:
        """Drop what waits for an acknowledgement: the caller gave the request up and resynchronises."""
        self._unacked.clear()
        self._early_acks = 0
        self._retransmits = 0

    def _acked(self) -> None:
        self._retransmits = 0
        if self._unacked:
            self._unacked.popleft()

    def _retransmit_one(self) -> None:
        if not self._unacked:
            return
        self._retransmits += 1
        self.troubled = True
        if len(self._unacked) > 1 or self._retransmits > MAX_RETRANSMITS:
            raise RemoteProtocolError("the peer keeps refusing our packets: the line corrupts data")
        self._out += self._unacked[0]

    def _answer(self, event: Event) -> None:
        if not self.acks:
            return
        if isinstance(event, Damaged):
            self._refuse()
        elif isinstance(event, Junk) and self._awaits:
            self._answer_junk(event.raw)
        elif isinstance(event, Notification) and self._awaits:
            self._refuse()  # in all-stop nobody notifies: it is our reply, with a damaged `$`
        elif isinstance(event, Packet):
            self._answer_packet()

    def _refuse(self) -> None:
        self._out += NACK
        self._junk = b""
        self.troubled = True

    def _answer_junk(self, raw: bytes) -> None:
        """A packet whose `$` was damaged is junk that ends as packets do."""
        self._junk = (self._junk + raw)[-3:]
        if _END.fullmatch(self._junk):
            self._refuse()

    def _answer_packet(self) -> None:
        self._awaits = False
        self._junk = b""
        if self._role is Role.SERVER or len(self._unacked) == 1:
            self.troubled = self.troubled or bool(self._unacked)
            self._unacked.clear()  # the packet shows that ours arrived: its own + got lost
        if self._early_acks:
            self._early_acks -= 1
        else:
            self._out += ACK
