"""What unidbg reads from: live guests behind a stub, opened by URL.

`base` is the contract that the layers above see; `open_target` gives something that fulfils it. Sockets and
the protocol are imported when a target is opened, not with the contract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unidbg.target.base import Target

__all__ = ["open_target"]


def open_target(url: str, *, timeout: float = 5.0, image_machine: str | None = None) -> Target:
    """The target that `url` names: a dump, or a guest, attached, which runs on if it ran.

    See `unidbg.target.opening`; DumpError for a file that is no dump. `image_machine` says what plain memory
    is the memory of.
    """
    from unidbg.target.dump.naming import names_dump

    if names_dump(url):
        from unidbg.target.dump.opening import open_dump

        return open_dump(url, image_machine=image_machine)
    from unidbg.target.opening import open_target as open_now

    return open_now(url, timeout=timeout, image_machine=image_machine)
