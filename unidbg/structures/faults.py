"""Where decoders write down what they could not believe, instead of raising."""

from __future__ import annotations

from unidbg.views.base import Address, Fault

MAX_FAULTS = 64
"""Faults kept of one view: a corrupt array must not become a list of a million sentences."""


class Faults:
    """Collects faults of one view; the paths are JSON paths inside its data."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._seen: set[tuple[str, str]] = set()
        self._dropped = 0

    def add(self, where: str, reason: str, address: int | None = None) -> None:
        """Note a fault at JSON path `where`; the same one is kept once."""
        if (where, reason) in self._seen:
            return
        if len(self._faults) >= MAX_FAULTS:
            self._dropped += 1
            return
        self._seen.add((where, reason))
        self._faults.append(Fault(where, reason, None if address is None else Address(address)))

    def __len__(self) -> int:
        return len(self._faults)

    def all(self) -> tuple[Fault, ...]:
        """What was noted, in order; a last one says how many more there were."""
        if not self._dropped:
            return tuple(self._faults)
        return (*self._faults, Fault("", f"{self._dropped} more faults are not listed"))
