"""The state machine of the line to the guest: opening, up or lost; and paused or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from unidbg_tui.source import Event, Lost, Opened, Taken


class Phase(Enum):
    """Where the line stands."""

    OPENING = "opening"
    UP = "up"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Link:
    """`since` is when the phase began (seconds, monotonic); `reason` says why a lost line is lost."""

    phase: Phase = Phase.OPENING
    paused: bool = False
    alive: bool = True
    since: float = 0.0
    reason: str = ""
    losses: int = 0

    @property
    def word(self) -> str:
        """What the status bar says: a lost line is lost, paused or not."""
        if self.phase is Phase.LOST:
            return "lost"
        if not self.alive:
            return "dump"
        if self.paused:
            return "paused"
        return "live" if self.phase is Phase.UP else "opening"

    def toggled(self) -> Link:
        """Paused, or going on."""
        return replace(self, paused=not self.paused)

    def after(self, event: Event) -> Link:
        """The state that follows `event`."""
        match event:
            case Opened(at=at, alive=alive):
                return replace(self, phase=Phase.UP, since=at, reason="", alive=alive)
            case Taken(moment=moment) if self.phase is not Phase.UP:
                return replace(self, phase=Phase.UP, since=moment.taken_at, reason="")
            case Lost(at=at, reason=reason):
                first = self.phase is not Phase.LOST
                since, losses = (at, self.losses + 1) if first else (self.since, self.losses)
                return replace(self, phase=Phase.LOST, since=since, reason=reason, losses=losses)
        return self
