"""What unwinding and DWARF expressions ask for: they are generators; whoever drives them reads.

answer = None
while True:
    request = generator.send(answer)   # StopIteration carries the result
    answer = ...                       # as the class of the request says
"""

from __future__ import annotations

from unidbg_symbols.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Final, TypeVar

    Result = TypeVar("Result")

Answer = int | bytes | None


class Request(Record):
    """The base of all requests."""

    __slots__ = ()


class MemoryRequest(Request):
    """`size` bytes at the run address `address`: answer with bytes."""

    __slots__ = ("address", "size")

    def __init__(self, address: int, size: int) -> None:
        self.address: Final = address
        self.size: Final = size


class RegisterRequest(Request):
    """The register with DWARF number `number`, as the frame has it: answer with an int, None: unknown."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number: Final = number


class CfaRequest(Request):
    """The canonical frame address of the frame: answer with an int, None: unknown."""

    __slots__ = ()


class FrameBaseRequest(Request):
    """The frame base of the function (DW_AT_frame_base): answer with an int, None: unknown."""

    __slots__ = ()


class TlsRequest(Request):
    """The run address of what is at `offset` in the thread's TLS block: answer with an int or None."""

    __slots__ = ("offset",)

    def __init__(self, offset: int) -> None:
        self.offset: Final = offset


class EntryValueRequest(Request):
    """What `expression` was when the function was entered: answer with an int, None: not known any more."""

    __slots__ = ("expression",)

    def __init__(self, expression: bytes) -> None:
        self.expression: Final = expression


def drive(generator: Generator[Request, Answer, Result], answer: Callable[[Request], Answer]) -> Result:
    """Run a generator to its result, asking `answer` for each request."""
    reply: Answer = None
    while True:
        try:
            request = generator.send(reply)
        except StopIteration as end:
            result: Result = end.value
            return result
        reply = answer(request)
