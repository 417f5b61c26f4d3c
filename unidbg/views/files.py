"""What the commands over an ELF file alone show: its index, the addresses of a log, differences of types."""

from __future__ import annotations

from unidbg.views.base import Address, Location, View, Word
from unidbg.views.record import Record, record


@record
class IndexView(View):
    """The index that `unidbg index` wrote; `names` counts the types and variables in it."""

    path: str
    size_bytes: int
    names: int


@record
class LoggedAddress(Record):
    """An address of a log: its frames, innermost first. `offset` counts in the outermost alone."""

    line: int
    address: Address
    frames: tuple[Location, ...]


@record
class SymbolizedView(View):
    """What `unidbg symbolize` found in a log: each address that the image knows, by line from 1 on.

    `bias` is run address minus link address, `evidence` how it was found, `""` where it was given.
    """

    bias: Word
    evidence: str
    addresses: tuple[LoggedAddress, ...]


@record
class TypeDifference(Record):
    """How a member of a type changed.

    `what` is `added`, `removed`, `moved`, `resized`, `retyped`, `changed` (an enumerator), or `size` of the
    whole type; `before` and `after` are bytes from the start (`12:3` with the bit), sizes or C types.
    """

    what: str
    name: str
    before: str
    after: str


@record
class TypeDiffView(View):
    """A type in two images; no `differences` where it is laid out alike."""

    query: str
    before: str
    after: str
    differences: tuple[TypeDifference, ...]
