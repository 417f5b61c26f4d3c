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
    """The target that `url` names, attached; a running guest runs on. See `unidbg.target.opening`."""
    from unidbg.target.opening import open_target as open_now

    return open_now(url, timeout=timeout, image_machine=image_machine)
