"""Who allocated what is live, from a probe of kind `tracker` (docs/abi.md): the tables of unidbg/track.h."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from unidbg_symbols import types as t

from unidbg.errors import MemoryFault
from unidbg.profiles.base import Context
from unidbg.profiles.fields import Fields
from unidbg.profiles.roots import find_root
from unidbg.structures.faults import Faults
from unidbg.views.base import Absent
from unidbg.views.system import CallSite, Tracker

if TYPE_CHECKING:
    from unidbg.structures.tracker import Recorded

MAX_BLOCKS = 1 << 24
MAX_SITES = (1 << 16) - 1
VIEW = "tracker"


class Tracked(NamedTuple):
    """A tracker that records: its numbers, and where its tables are."""

    fields: Fields
    numbers: Tracker


def find_tracker(context: Context, faults: Faults) -> Tracked | None:
    """The tracker; `None` where there is none, or it records nothing."""
    root = find_root(context, "tracker", faults)
    if root is None or isinstance(root, Absent) or not root.is_struct_() or not root.has_("block_slots"):
        return None
    fields = Fields(context.program, root, faults, VIEW)
    names = (
        "block_count",
        "block_slots",
        "site_count",
        "site_slots",
        "left_out",
        "left_out_sites",
        "unknown",
    )
    numbers = Tracker(*(fields.unsigned(name) for name in names))
    if numbers.block_slots == 0:
        return None
    if numbers.block_slots > MAX_BLOCKS or numbers.block_slots & numbers.block_slots - 1:
        faults.add(
            fields.where("block_slots"), f"a table of {numbers.block_slots} blocks is none", root.address_
        )
        return None
    if numbers.site_slots > MAX_SITES:
        faults.add(fields.where("site_slots"), f"{numbers.site_slots} call sites are too many", root.address_)
        return None
    return Tracked(fields, numbers)


def live_sites(tracked: Tracked) -> tuple[CallSite, ...]:
    """Call sites that have live blocks, in the order of the table."""
    fields = tracked.fields
    found = []
    for number, site in enumerate(_rows(fields, "sites", tracked.numbers.site_slots)):
        address, count, size = (_word(site, at) for at in (0, 8, 16))
        if address and count:
            found.append(CallSite(fields.program.locate_return(address), count, size))
        elif count:
            fields.faults.add(fields.where(f"sites[{number}]"), "blocks of no call site")
    return tuple(found)


def recorded(tracked: Tracked) -> Recorded | None:
    """All blocks that are recorded, with their call sites."""
    from unidbg.structures.tracker import decode

    fields, numbers = tracked.fields, tracked.numbers
    blocks = _table(fields, "blocks", numbers.block_slots, 16)
    sites = _table(fields, "sites", numbers.site_slots, 32)
    return None if blocks is None or sites is None else decode(blocks, sites)


def site_of(tracked: Tracked, address: int) -> int:
    """Who has the block whose data is at `address`; 0: not recorded."""
    import numpy as np

    from unidbg.structures.tracker import sites_of

    found = recorded(tracked)
    return int(sites_of(found, np.array([address], np.uint64))[0]) if found is not None else 0


def _rows(fields: Fields, member: str, count: int) -> list[bytes]:
    data = _table(fields, member, count, 32) or b""
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def _table(fields: Fields, member: str, count: int, size: int) -> bytes | None:
    """A table of rows that have the layout of unidbg/track.h, read in one piece."""
    value = fields.value.member_(member)
    plain = t.strip(value.type_)
    told = plain.target.size if isinstance(plain, t.PointerType) else None
    if told != size:
        fields.faults.add(fields.where(member), f"its rows are not the {size} bytes of unidbg/track.h")
        return None
    start = fields.address(member)
    try:
        return fields.program.read(start, count * size)
    except MemoryFault as fault:
        fields.faults.add(fields.where(member), f"unreadable: {fault.reason}", fault.address)
        return None


def _word(row: bytes, at: int) -> int:
    return int.from_bytes(row[at : at + 8], "little")
