"""Turns what damaged bytes do to a parser into a named error.

Hot loops index bytes and look up tables without asking first; whatever that raises on damaged input is caught
once, around the loop, and becomes an `ImageError` that names what was being read.
"""

from __future__ import annotations

import struct

from unidbg_symbols.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Literal

_RAISED_BY_DAMAGE = (LookupError, OverflowError, RecursionError, ValueError, struct.error)


class parsing:  # noqa: N801 - used as a statement: `with parsing(".debug_line"):`
    """Context in which an out-of-bounds read means that `what` is damaged."""

    __slots__ = ("_path", "_what")

    def __init__(self, what: str, path: str = "") -> None:
        self._what = what
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if isinstance(error, _RAISED_BY_DAMAGE):
            raise damaged(self._what, path=self._path) from error
        return False


def damaged(what: str, detail: str = "", *, path: str = "") -> ImageError:
    """The error for damaged bytes: what was read, why it cannot be, and what to do."""
    where = f"{path}: " if path else ""
    why = f" ({detail})" if detail else ""
    return ImageError(f"{where}{what} is damaged{why}; build the image again or give another copy", path=path)
