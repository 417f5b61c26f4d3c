"""One look at a running guest in one write: stop, read what is known to be needed, go on.

Our stub alone: it queues its replies and lets the guest go before they have left. What was not foreseen is
not in a glance; whoever misses it stops the guest in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unidbg.rsp import qxfer
from unidbg.rsp.memory import parse_read_many
from unidbg.rsp.registers import parse_g
from unidbg.rsp.replies import is_error
from unidbg.rsp.threads import parse_threads_xml
from unidbg.target.base import Glance, Range, ThreadInfo
from unidbg.target.reader import WireReader

if TYPE_CHECKING:
    from unidbg.target.rsptarget import RspTarget

MAX_PACKETS = 12
"""Packets of one glance: their replies wait in a queue of the stub."""


REST = 256
"""Bytes of the other packets of a glance, at most."""


def glance(target: RspTarget, ranges: Sequence[Range], threads: bool, registers: bool) -> Glance | None:
    """See `RspTarget.glance`."""
    layout = target.stub.layout
    if not (target.run.can_sweep and target.stub.multi_read and layout is not None):
        return None
    document = qxfer.Document("threads", "", target.stub.document_size)
    reads = WireReader(target.link, target.stub).gather(ranges)
    before = [*(document.next_requests(1) if threads else ()), *([b"g"] if registers else ())]
    asked = sum(len(packet) for packet, _ in reads)
    if len(before) + len(reads) > MAX_PACKETS or asked + REST > (target.stub.packet_size or 0):
        return None
    swept = target.run.sweep([*(packet for packet, _ in reads), *before])
    if swept is None:
        return None
    replies, reason, stood_ns = swept
    rest = iter(replies[len(reads) :])
    memory: dict[Range, bytes] = {}
    for (_, group), reply in zip(reads, replies, strict=False):
        memory.update(zip(group, parse_read_many(reply, group) or [b""] * len(group), strict=True))
    found = _threads(document, next(rest)) if threads else ()
    values: Mapping[str, int | None] = {}
    if registers and (block := next(rest)) and not is_error(block):
        values = parse_g(block, layout)
    return Glance(memory, found, {target.current_thread: values} if values else {}, reason, stood_ns)


def _threads(document: qxfer.Document, reply: bytes) -> Sequence[ThreadInfo] | None:
    document.feed(reply)
    if not document.done or document.data is None:
        return None
    return [
        ThreadInfo(entry.id, entry.name, entry.core, entry.detail)
        for entry in parse_threads_xml(document.data)
    ]
