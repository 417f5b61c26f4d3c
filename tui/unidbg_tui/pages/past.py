"""The past as pages see it: series up to the snapshot in view."""

from __future__ import annotations

from dataclasses import dataclass

from unidbg_tui import words
from unidbg_tui.history import History


@dataclass(frozen=True, slots=True)
class Past:
    """`until` is when the snapshot in view was taken (seconds); later points are left out."""

    history: History
    until: float | None = None

    def levels(self, path: str) -> tuple[float | None, ...]:
        """The values of `path`, oldest first."""
        return tuple(self.history.series(path).levels(self.until))

    def rates(self, path: str) -> tuple[float | None, ...]:
        """The growth of `path` per second, oldest first."""
        return tuple(self.history.series(path).rates(self.until))

    def rate(self, path: str) -> float | None:
        """The latest growth of `path` per second."""
        rates = self.rates(path)
        return rates[-1] if rates else None


def top_rate(rates: tuple[float | None, ...]) -> str:
    """The highest rate seen, in words."""
    present = [rate for rate in rates if rate is not None]
    return f"max {words.rate(max(present))}" if present else ""
