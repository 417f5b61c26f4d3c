"""The views of forensics: heap blocks, leaks, what an address is, where something lies, what changed."""

from __future__ import annotations

from unidbg.views.base import Address, Location, Range, View
from unidbg.views.record import Record, record
from unidbg.views.system import Tracker


@record
class Block(Record):
    """A block of an allocator. `address` is what the caller got; the header lies before it.

    `state` is `used` or `free`; `size_bytes` what was asked for, `span_bytes` what it takes with its header;
    `call_site` is where the allocation returns to (`None`: not recorded).
    """

    address: Address
    state: str
    size_bytes: int
    span_bytes: int
    call_site: Location | None


@record
class BlockGroup(Record):
    """Live blocks of one size and call site; `bytes` is what was asked for, together."""

    size_bytes: int
    call_site: Location | None
    count: int
    bytes: int


@record
class BlocksView(View):
    """The blocks of the heap in address order, the first `limit` of them; sums and groups are over all.

    A broken link is a fault that names the header and the block before it. `damaged` counts them,
    `unknown_bytes` lie behind broken headers up to the next sound one.
    """

    start: Address
    end: Address
    header_bytes: int
    used: int
    used_bytes: int
    free: int
    free_bytes: int
    damaged: int
    unknown_bytes: int
    groups: tuple[BlockGroup, ...]
    blocks: tuple[Block, ...]
    tracker: Tracker | None = None


@record
class LeakGroup(Record):
    """Leaked blocks of one size, type and call site. `type` is a guess by the code at the call site, or `""`.

    `witness` is the oldest of them where the allocator tells, else the one at the lowest address.
    """

    size_bytes: int
    type: str
    call_site: Location | None
    count: int
    bytes: int
    witness: Address


@record
class LeakRoot(Record):
    """Where the search for pointers began: `registers`, `data`, `stack`, `pages` and their bytes."""

    name: str
    range: Range | None
    bytes: int


@record
class LeaksView(View):
    """Live blocks that no pointer leads to, from registers, stacks, data and other live blocks.

    Any word that points into a block keeps it, so what is listed is leaked; a stale word may hide one.
    """

    leaked: int
    leaked_bytes: int
    reachable: int
    reachable_bytes: int
    groups: tuple[LeakGroup, ...]
    roots: tuple[LeakRoot, ...]
    tracker: Tracker | None = None


@record
class Meaning(Record):
    """One thing that an address is. `kind` is `symbol`, `stack`, `heap`, `page`, `guard`, `device`, `ring`,
    `register` or `nothing`; `text` a sentence; `start` and `size_bytes` of the thing where it has them.
    """

    kind: str
    text: str
    start: Address | None
    size_bytes: int | None
    location: Location | None = None


@record
class WhatisView(View):
    """All that is known of an address."""

    address: Address
    meanings: tuple[Meaning, ...]


@record
class Match(Record):
    """A place where the pattern lies, and in what."""

    location: Location
    kind: str


@record
class FindView(View):
    """Where a pattern lies in guest memory, in address order. `more`: there are others behind the limit."""

    pattern: str
    searched: tuple[Range, ...]
    searched_bytes: int
    matches: tuple[Match, ...]
    more: bool


@record
class Difference(Record):
    """A field of a view that is not what it was. `delta` is after less before, `None` where it is no number.

    `path` is the JSON path inside the view; a list whose elements have names is compared by them.
    """

    view: str
    path: str
    before: str
    after: str
    delta: int | None


@record
class GroupGrowth(Record):
    """Live blocks of one size and call site that became more: by how many, and by how many bytes."""

    size_bytes: int
    call_site: Location | None
    count: int
    bytes: int


@record
class DiffView(View):
    """What changed between two dumps or two moments. `growth` is filled where it was asked for, and the
    allocator tells of its blocks.
    """

    before: str
    after: str
    differences: tuple[Difference, ...]
    growth: tuple[GroupGrowth, ...]
