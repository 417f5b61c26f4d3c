"""One look at a running guest in one write: stop, read what is known to be needed, go on.

Our stub alone: it queues its replies and lets the guest go before they have left. What was not foreseen is
not in a glance; whoever misses it stops the guest in the ordinary way. Memory that was read before is not
sent again (`unidbg.target.rereading`), and what is too long for one reply is read at several looks, then held
against the guest at the last: what a glance tells is always of one stop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from unidbg.rsp import qxfer
from unidbg.rsp.memory import (
    BinaryStyle,
    parse_read,
    parse_read_binary,
    parse_sum,
    read_binary_request,
    read_request,
    sum_request,
)
from unidbg.rsp.registers import parse_g
from unidbg.rsp.replies import is_error
from unidbg.rsp.threads import parse_threads_xml
from unidbg.target.base import Glance, Range, StopReason, ThreadInfo
from unidbg.target.rereading import GRAIN, Question

if TYPE_CHECKING:
    from unidbg.target.rsptarget import RspTarget

REST = 512
"""Bytes of packets other than reads and sums, and of their replies, at most: runs shorten registers."""
HEAD, SUM = 8, 16
"""Bytes of the reply to a read besides its data, and of the reply to a sum, at most."""
SURPRISES = 6
"""Looks at which something proves to have changed."""
MUCH = 256 << 10
"""Bytes that no glance reads."""


class _Look(NamedTuple):
    """One stop: the replies to what was asked, why the guest stood and for how long."""

    memory: list[bytes]
    sums: list[bytes]
    rest: list[bytes]
    reason: StopReason
    stood_ns: int


def glance(
    target: RspTarget, ranges: Sequence[Range], threads: bool, registers: bool, loose: bool
) -> Glance | None:
    """See `RspTarget.glance`."""
    if target.kind != "unidbg" or target.stub.layout is None:
        return None
    known = target.rereading
    known.begin()
    document = qxfer.Document("threads", "", target.stub.document_size)
    rest = [*(document.next_requests(1) if threads else ()), *([b"g"] if registers else ())]
    stood_ns, surprises, left = 0, 0, MUCH
    while surprises < SURPRISES:
        question = known.unknown(ranges) if loose else known.ask(ranges)
        packets = _packets(target, question)
        still = sum(length for _, length in question.reads)
        if packets is None or (packets.more and still >= left):
            return None
        left = still if packets.more else MUCH
        look = _look(target, packets, rest)
        if look is None:
            return None
        stood_ns += look.stood_ns
        if _held(target, packets, look):
            memory = {at: known.data(at) for at in ranges}
            return _glance(target, memory, look, document if threads else None, stood_ns)
        surprises += not packets.more
    return None


class _Packets(NamedTuple):
    """What a look asks of memory. `more`: there is more to read, so that no sums are made yet."""

    reads: list[_Read]
    sums: list[Range]
    more: bool


class _Read(NamedTuple):
    """A read: `m`, whose reply has runs shortened, or `x` where that is shorter; bytes of the reply."""

    at: Range
    binary: bool
    answer: int

    @property
    def packet(self) -> bytes:
        return (read_binary_request if self.binary else read_request)(*self.at)


def _packets(target: RspTarget, question: Question) -> _Packets | None:
    """`None` where the last look of a glance would be too much for the stub's queue."""
    size = (target.stub.packet_size or 0) - REST
    piece = (size // 2 - HEAD) & -GRAIN
    if piece < GRAIN:
        return None
    reads = [_read(target, part) for at in question.reads for part in _parts(at, piece)]
    answers = sum(read.answer for read in reads) + SUM * len(question.sums)
    asked = [*(read.packet for read in reads), *(sum_request(*at) for at in question.sums)]
    if max(answers, sum(len(packet) + 1 for packet in asked)) <= size:
        return _Packets(reads, question.sums, more=False)
    first = _fitting(reads, size)
    return _Packets(first, [], more=True) if first else None


def _read(target: RspTarget, at: Range) -> _Read:
    digits = target.rereading.digits(at)
    binary = at[1] < digits < 2 * at[1] and target.stub.binary is not BinaryStyle.NONE
    return _Read(at, binary, HEAD + (at[1] if binary else digits))


def _parts(at: Range, size: int) -> Iterable[Range]:
    address, length = at
    return [(start, min(size, address + length - start)) for start in range(address, address + length, size)]


def _fitting(reads: Sequence[_Read], size: int) -> list[_Read]:
    """The first of `reads`, as many as one look bears."""
    found, answers, asked = [], 0, 0
    for read in reads:
        answers, asked = answers + read.answer, asked + len(read.packet) + 1
        if max(answers, asked) > size:
            break
        found.append(read)
    return found


def _look(target: RspTarget, packets: _Packets, rest: Sequence[bytes]) -> _Look | None:
    reads = [read.packet for read in packets.reads]
    sums = [sum_request(*at) for at in packets.sums]
    swept = _swept(target, [*reads, *sums, *(() if packets.more else rest)])
    if swept is None:
        return None
    replies, reason, stood_ns = swept
    first, second = len(reads), len(reads) + len(sums)
    return _Look(replies[:first], replies[first:second], replies[second:], reason, stood_ns)


def _swept(target: RspTarget, packets: Sequence[bytes]) -> tuple[list[bytes], StopReason, int] | None:
    """By a stop for this alone, or while the guest stands anyway."""
    if target.run.can_sweep:
        return target.run.sweep(packets)
    reason = target.run.stop_reason
    if reason is None:
        return None
    before = target.selection.packets(target.current_thread)
    replies = target.link.request_many([*before, *packets])
    return replies[len(before) :], reason, 0


def _held(target: RspTarget, packets: _Packets, look: _Look) -> bool:
    """Take in what a look brought. Whether all that is wanted is known, as of this look."""
    known = target.rereading
    for read, reply in zip(packets.reads, look.memory, strict=True):
        known.learn(read.at, _data(target, read, reply))
    if look.sums and not look.sums[0]:
        known.sums = False
    same = [known.confirm(at, parse_sum(reply)) for at, reply in zip(packets.sums, look.sums, strict=True)]
    return all(same) and not packets.more


def _data(target: RspTarget, read: _Read, reply: bytes) -> bytes:
    length = read.at[1]
    if read.binary:
        return parse_read_binary(reply, length, target.stub.binary) or b""
    return parse_read(reply, length) or b""


def _glance(
    target: RspTarget,
    memory: Mapping[Range, bytes],
    look: _Look,
    document: qxfer.Document | None,
    stood_ns: int,
) -> Glance:
    rest = iter(look.rest)
    threads = _threads(document, next(rest)) if document else None
    values: Mapping[str, int | None] = {}
    if (block := next(rest, b"")) and not is_error(block) and target.stub.layout is not None:
        values = parse_g(block, target.stub.layout)
    registers = {target.current_thread: values} if values else {}
    return Glance(memory, threads, registers, look.reason, stood_ns)


def _threads(document: qxfer.Document, reply: bytes) -> Sequence[ThreadInfo] | None:
    document.feed(reply)
    if not document.done or document.data is None:
        return None
    return [
        ThreadInfo(entry.id, entry.name, entry.core, entry.detail)
        for entry in parse_threads_xml(document.data)
    ]
