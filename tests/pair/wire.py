"""A serial line that is not what it should be: it splits, damages and loses bytes, always in the same way."""

from __future__ import annotations

import os
import select
import threading
import tty
from types import TracebackType
from typing import Self

from tests.support.stub_host import Host

ACK = 0x2B


class Wire:
    """A pseudo-terminal before `host`.

    Bytes pass one at a time if `fragment`; one in `damage` is changed; one acknowledgement in `lose_acks` is
    dropped. 0 is never.
    """

    def __init__(self, host: Host, *, fragment: bool = False, damage: int = 0, lose_acks: int = 0) -> None:
        self.host = host
        self.fragment = fragment
        self.damage = damage
        self.lose_acks = lose_acks
        self.passed = 0
        self.inside: dict[int, int] = {}
        self.acks = 0
        self.near, self.far = os.openpty()
        tty.setraw(self.far)
        self.path = os.ttyname(self.far)
        self.ends, self.end = os.pipe()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        routes = {self.near: self.host.writes, self.host.reads: self.near}
        while True:
            ready, _, _ = select.select([*routes, self.ends], [], [])
            if self.ends in ready:
                return
            for reads in ready:
                data = os.read(reads, 4096)
                if not data:
                    return
                self._pass(data, routes[reads])

    def _pass(self, data: bytes, writes: int) -> None:
        spoilt = bytes(byte for byte in (self._spoil(byte, writes) for byte in data) if byte is not None)
        for start in range(0, len(spoilt), 1 if self.fragment else 4096):
            os.write(writes, spoilt[start : start + (1 if self.fragment else 4096)])

    def _is_ack(self, byte: int, route: int) -> bool:
        """A `+` between packets; inside of one it is data."""
        left = self.inside.get(route, 0)
        if byte == ord("$"):
            self.inside[route] = -1
        elif byte == ord("#"):
            self.inside[route] = 2
        elif left > 0:
            self.inside[route] = left - 1
        return byte == ACK and left == 0

    def _spoil(self, byte: int, route: int) -> int | None:
        """Damage never cancels out: data only grows, and a digit of the sum becomes none."""
        self.passed += 1
        in_sum = self.inside.get(route, 0) > 0
        if self._is_ack(byte, route):
            self.acks += 1
            return None if self.lose_acks and self.acks % self.lose_acks == 0 else byte
        if self.damage and self.passed % self.damage == 0:
            return byte ^ 0x40 if in_sum else (byte + 1) & 0xFF
        return byte

    def close(self) -> None:
        os.write(self.end, b"x")
        self.thread.join()
        for descriptor in (self.near, self.far, self.ends, self.end):
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
