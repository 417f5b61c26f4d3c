"""Which TARGETs mean a dump. It imports nothing: it is asked for each target, and most are guests."""

from __future__ import annotations

import os

SCHEMES = ("raw", "firecracker", "dump")


def names_dump(url: str) -> bool:
    """Whether a TARGET means a file: it says so by its scheme, or there is one of that name."""
    scheme, colon, rest = url.partition(":")
    return bool(colon and rest and scheme in SCHEMES) or os.path.isfile(url)
