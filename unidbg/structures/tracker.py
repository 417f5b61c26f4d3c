"""The tables of an allocation tracker (unidbg/track.h) as arrays. Only their form is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Words = npt.NDArray[np.uint64]


class Recorded(NamedTuple):
    """Live blocks in the order of their addresses: where their data begins, and who has them (0: unknown)."""

    addresses: Words
    sites: Words


def decode(blocks: bytes, sites: bytes) -> Recorded:
    """From rows of 16 bytes { masked address, size, site, - } and of 32 { address, count, bytes, made }."""
    import numpy as np

    row = np.dtype([("masked", "<u8"), ("size", "<u4"), ("site", "<u2"), ("reserved", "<u2")])
    table = np.frombuffer(blocks[: len(blocks) // 16 * 16], dtype=row)
    table = table[table["masked"] != 0]
    known = np.frombuffer(sites[: len(sites) // 32 * 32], dtype="<u8").reshape(-1, 4)[:, 0].astype(np.uint64)
    addresses = np.concatenate((np.zeros(1, np.uint64), known))  # site 0 is none
    index = table["site"].astype(np.int64)
    index[index >= len(addresses)] = 0
    starts = ~table["masked"].astype(np.uint64)
    order = np.argsort(starts, kind="stable")
    return Recorded(starts[order], addresses[index][order])


def sites_of(recorded: Recorded, addresses: Words) -> Words:
    """Who has the blocks whose data begins at `addresses`; 0: not recorded."""
    import numpy as np

    if not len(recorded.addresses):
        return np.zeros(len(addresses), np.uint64)
    at = np.searchsorted(recorded.addresses, addresses)
    at = np.minimum(at, len(recorded.addresses) - 1)
    found: Words = np.where(recorded.addresses[at] == addresses, recorded.sites[at], np.uint64(0))
    return found
