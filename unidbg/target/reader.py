"""Memory reads on the wire: ranges cut to what the stub bears, as many in flight as the line bears."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unidbg.rsp.memory import (
    BinaryStyle,
    parse_read,
    parse_read_binary,
    parse_read_many,
    read_binary_request,
    read_many_request,
    read_request,
)
from unidbg.target.link import MAX_WINDOW, Link
from unidbg.target.stub import Stub

PAGE = 4096
MULTI_RANGES = 64
MULTI_HEADER = 12
"""Bytes of request and reply that a range of MultiMemRead takes besides its data, roughly."""

MUCH, HASTY = 1 << 16, 2
"""Long reads over our stub's slow line have few packets in flight: whoever interrupts one waits for them."""

Range = tuple[int, int]


class WireReader:
    """Reads (address, length) ranges; a range comes back as far as it is readable, `b""` if not at all."""

    def __init__(self, link: Link, stub: Stub) -> None:
        self._link = link
        self._stub = stub

    def read(
        self, ranges: Sequence[Range], before: Sequence[bytes] = (), after: Sequence[bytes] = ()
    ) -> list[bytes]:
        """Read all ranges. `before` and `after` are packets sent around them in the same flight."""
        out = [bytearray() for _ in ranges]
        pending = [(index, address, length) for index, (address, length) in enumerate(ranges) if length > 0]
        while pending:
            chunks = [chunk for item in pending for chunk in self._chunks(item)]
            replies = self._exchange([(address, length) for _, address, length in chunks], before, after)
            pending = _unfinished(chunks, replies, out)
        return [bytes(data) for data in out]

    def _chunks(self, item: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
        index, address, length = item
        size = self._stub.read_size
        for offset in range(0, length, size):
            yield index, address + offset, min(size, length - offset)

    def _exchange(self, ranges: list[Range], before: Sequence[bytes], after: Sequence[bytes]) -> list[bytes]:
        if self._stub.multi_read and len(ranges) > 1:
            return self._exchange_many(ranges, before, after)
        binary = self._stub.binary
        request = read_request if binary is BinaryStyle.NONE else read_binary_request
        size = sum(length for _, length in ranges)
        replies = self._flight([request(*pair) for pair in ranges], before, after, size)
        if binary is BinaryStyle.NONE:
            found = [parse_read(reply, length) for reply, (_, length) in zip(replies, ranges, strict=True)]
        else:
            found = [
                parse_read_binary(reply, length, binary)
                for reply, (_, length) in zip(replies, ranges, strict=True)
            ]
        return [data or b"" for data in found]

    def _exchange_many(
        self, ranges: list[Range], before: Sequence[bytes], after: Sequence[bytes]
    ) -> list[bytes]:
        groups = list(self._groups(ranges))
        size = sum(length for _, length in ranges)
        replies = self._flight([read_many_request(group) for group in groups], before, after, size)
        found: list[bytes] = []
        for reply, group in zip(replies, groups, strict=True):
            found += parse_read_many(reply, group) or [b""] * len(group)
        return found

    def _groups(self, ranges: list[Range]) -> Iterator[list[Range]]:
        """Ranges gathered into requests whose replies fit a packet."""
        room = (self._stub.packet_size or 0) - 2 * MULTI_HEADER
        group: list[Range] = []
        used = 0
        for pair in ranges:
            cost = pair[1] + MULTI_HEADER
            if group and (used + cost > room or len(group) == MULTI_RANGES):
                yield group
                group, used = [], 0
            group.append(pair)
            used += cost
        if group:
            yield group

    def _flight(
        self, requests: list[bytes], before: Sequence[bytes], after: Sequence[bytes], size: int
    ) -> list[bytes]:
        window = HASTY if self._stub.kind == "unidbg" and size > MUCH else MAX_WINDOW
        replies = self._link.request_many([*before, *requests, *after], window=window)
        return replies[len(before) : len(before) + len(requests)]


def _unfinished(
    chunks: list[tuple[int, int, int]], replies: list[bytes], out: list[bytearray]
) -> list[tuple[int, int, int]]:
    """Join replies to their ranges; what a stub cut short is asked again from there, if it made progre."""
    again: list[tuple[int, int, int]] = []
    ended: set[int] = set()
    for position, ((index, address, length), data) in enumerate(zip(chunks, replies, strict=True)):
        if index in ended:
            continue
        out[index] += data
        if len(data) < length:
            ended.add(index)
            if data:
                rest = (
                    length
                    - len(data)
                    + sum(size for later, _, size in chunks[position + 1 :] if later == index)
                )
                again.append((index, address + len(data), rest))
    return again
