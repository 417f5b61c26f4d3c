"""Where the index cache is; apart from it, because most look-ups only find that there is none."""

from __future__ import annotations

import os


def cache_folder() -> str:
    """The folder of indexes in the user's cache folder; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "unidbg", "index")
