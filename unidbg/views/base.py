"""What every view is made of: addresses, ranges, locations, faults, provenance.

A view is a frozen, slotted dataclass. Each field says its unit, in its name where it is a number
(`_bytes`, `_ns`) and in its type where it is an address. Sums are stored; renderers compute percentages.
"""

from __future__ import annotations

from typing import Annotated, NewType, TypeAlias

from unidbg.views.record import Record, record

Address = NewType("Address", int)
"""A guest-virtual address (guest-physical where the field says so). JSON renders it as `"0x..."`."""

Word: TypeAlias = Annotated[int, "word"]
"""What a register holds, or a distance of addresses: it may exceed 2^53, so JSON renders it as `"0x..."`."""


@record
class Range(Record):
    """Addresses from `start` up to, not including, `end`."""

    start: Address
    end: Address


@record
class Location(Record):
    """An address and what is known of it: the symbol around it, the offset into it, the source line."""

    address: Address
    symbol: str | None = None
    offset: int = 0
    file: str | None = None
    line: int | None = None


@record
class SourceText(Record):
    """Lines of a source file from `first_line` on; `line` is the one that counts.

    There are none where the file is not to be had: `note` says why, or what to beware of.
    """

    file: str
    first_line: int
    line: int
    lines: tuple[str, ...]
    note: str = ""


@record
class Fault(Record):
    """A place in the guest's data that could not be believed.

    `where` is the JSON path inside the view's data (`timers[3].callback`), `address` the guest address
    that was looked at, `reason` a sentence.
    """

    where: str
    reason: str
    address: Address | None = None


@record
class ImageIdentity(Record):
    """One image and how surely it is the one that runs in the guest.

    `identity` is the build-id in hexadecimal or `""`; `verified` is one of `build-id`, `text`, `unverified`.
    `bias` is run address minus link address, in bytes.
    """

    path: str
    identity: str
    bias: Word
    verified: str


@record
class Provenance(Record):
    """Where the data of a view comes from, and how.

    `target` is the URL; `access` names the way of reading (`rsp`, `qmp`, `core` ...); `consistency` is
    `stopped` or `racy`; `stop_number` counts resumes (the target's generation); `stopped_ns` is how long
    the guest stood still for this view (`None`: it was stopped before and stays so, or is a dump).
    """

    target: str
    access: str
    images: tuple[ImageIdentity, ...]
    profile: str
    consistency: str
    stop_number: int
    stopped_ns: int | None


@record
class Absent(Record):
    """A view that is not to be had: why, and what would provide it."""

    view: str
    reason: str
    remedy: str
    provenance: Provenance


@record
class View(Record):
    """The common head of all views. `faults` is empty on a healthy guest."""

    provenance: Provenance
    faults: tuple[Fault, ...]
