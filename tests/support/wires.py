"""Lines that treat bytes badly: one at a time, changed on the way, or without acknowledgements."""

from __future__ import annotations

from collections.abc import Callable

from unidbg.transport.line import Line


class Wire:
    """Passes everything on; the others override what they spoil."""

    def __init__(self, line: Line, *, reliable: bool) -> None:
        self._line = line
        self.name = line.name
        self.reliable = reliable

    def write_some(self, data: bytes | bytearray | memoryview) -> int:
        return self._line.write_some(data)

    def read_some(self, timeout: float) -> bytes:
        return self._line.read_some(timeout)

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        self._line.close()

    def last_words(self) -> str:
        return self._line.last_words()


class OneByOne(Wire):
    """Each byte on its own, both ways."""

    def __init__(self, line: Line) -> None:
        super().__init__(line, reliable=True)
        self._waiting = b""

    def write_some(self, data: bytes | bytearray | memoryview) -> int:
        return self._line.write_some(bytes(data)[:1])

    def read_some(self, timeout: float) -> bytes:
        if not self._waiting:
            self._waiting = self._line.read_some(timeout)
        byte, self._waiting = self._waiting[:1], self._waiting[1:]
        return byte


class Spoiling(Wire):
    """Serial: each chunk goes through `spoil`, told its direction (`out`, `in`) and its number in that."""

    def __init__(self, line: Line, spoil: Callable[[bytes, str, int], bytes]) -> None:
        super().__init__(line, reliable=False)
        self._spoil = spoil
        self._count = {"out": 0, "in": 0}

    def _pass(self, data: bytes, direction: str) -> bytes:
        self._count[direction] += 1
        return self._spoil(data, direction, self._count[direction])

    def write_some(self, data: bytes | bytearray | memoryview) -> int:
        spoilt = self._pass(bytes(data), "out")
        while spoilt:
            spoilt = spoilt[self._line.write_some(spoilt) :]
        return len(data)

    def read_some(self, timeout: float) -> bytes:
        while not (data := self._pass(self._line.read_some(timeout), "in")):
            pass
        return data


def corrupt(every: int) -> Callable[[bytes, str, int], bytes]:
    """Changes a checksum digit in every n-th chunk of each direction."""

    def spoil(data: bytes, direction: str, number: int) -> bytes:
        del direction
        place = data.rfind(b"#") + 1
        if number % every or not 0 < place < len(data):
            return data
        digit = b"1" if data[place : place + 1] == b"0" else b"0"
        return data[:place] + digit + data[place + 1 :]

    return spoil


def drop_acks(direction: str, every: int) -> Callable[[bytes, str, int], bytes]:
    """Loses the `+` of every n-th chunk of one direction."""

    def spoil(data: bytes, way: str, number: int) -> bytes:
        if way != direction or number % every:
            return data
        return data[1:] if data.startswith(b"+") else data

    return spoil
