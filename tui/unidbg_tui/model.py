"""What the screen shows, with no Textual in it: the link, the snapshot in view, the past, the rate.

Widgets read it; events of the worker and keys change it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from unidbg.views.base import Absent, Fault, Provenance
from unidbg.views.system import OVERVIEW_PARTS, OverviewView
from unidbg_tui.history import IN_BRIEF, History, parts
from unidbg_tui.link import Link
from unidbg_tui.source import Event, Lost, Moment, Opened, Part, Taken

KEPT_MOMENTS = 240
"""Snapshots kept for stepping back in time: a minute at 4 Hz."""

RATES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""The refresh rates that `+` and `-` step through, in Hz."""


KEY_ORDER = (
    "overview",
    "memory",
    "heap",
    "loop",
    "net",
    "rings",
    "threads",
    "devices",
    "log",
    "boot",
    "app",
    "security",
    "cloud",
    "orchestration",
    "runtime",
)
"""The views by their number keys, 1 to 9 and 0: fingers remember them, whatever views come to be."""


def in_key_order(names: Iterable[str]) -> tuple[str, ...]:
    """The names in the order of their keys; those that have none behind."""
    rank = {name: index for index, name in enumerate(KEY_ORDER)}
    return tuple(sorted(names, key=lambda name: rank.get(name, len(rank))))


class Model:
    """The state of the TUI. `names` are the views of the session, in the order of the number keys."""

    def __init__(self, url: str, names: tuple[str, ...], refresh_hz: float) -> None:
        self.url = url
        self.names = in_key_order(names)
        self.refresh_hz = refresh_hz
        self.link = Link()
        self.history = History()
        self._moments: deque[Moment] = deque(maxlen=KEPT_MOMENTS)
        self._shown: int | None = None

    def apply(self, event: Event) -> None:
        """Take in what the worker tells."""
        self.link = self.link.after(event)
        match event:
            case Opened(views=views):
                self.names = in_key_order(views)
            case Lost(at=at):
                self.history.gap(at)
            case Taken(moment=moment):
                self.history.add(moment)
                self._keep(moment)

    def _keep(self, moment: Moment) -> None:
        if self._shown is not None and len(self._moments) == self._moments.maxlen:
            self._shown = max(0, self._shown - 1)
        self._moments.append(moment)

    # The snapshot in view.

    @property
    def moment(self) -> Moment | None:
        """The snapshot in view: the last one, or an earlier one while looking back."""
        if not self._moments:
            return None
        return self._moments[-1 if self._shown is None else self._shown]

    @property
    def before(self) -> Moment | None:
        """The snapshot before the one in view: what changed is told against it."""
        index = len(self._moments) - 1 if self._shown is None else self._shown
        return self._moments[index - 1] if index > 0 else None

    @property
    def looking_back(self) -> float | None:
        """How many seconds before the last snapshot the one in view lies; `None`: it is the last."""
        moment = self.moment
        if self._shown is None or moment is None:
            return None
        return self._moments[-1].taken_at - moment.taken_at

    def step(self, count: int) -> None:
        """Look `count` snapshots further back (negative) or forward; the last one ends the looking back."""
        if not self._moments:
            return
        last = len(self._moments) - 1
        index = (last if self._shown is None else self._shown) + count
        self._shown = None if index >= last else max(0, index)

    def to_now(self) -> None:
        """End the looking back."""
        self._shown = None

    def part(self, name: str) -> Part | None:
        """The view `name` of the snapshot in view; `None` while nothing was read of it."""
        return part_of(self.moment, name)

    @property
    def overview(self) -> OverviewView | None:
        """The overview in view."""
        part = self.part("overview")
        return part if isinstance(part, OverviewView) else None

    @property
    def provenance(self) -> Provenance | None:
        """Where the snapshot in view comes from."""
        if self.moment is None:
            return None
        return next((part.provenance for part in self.moment.views.values()), None)

    @property
    def faults(self) -> tuple[tuple[str, Fault], ...]:
        """All faults of the snapshot in view, each with the name of its view."""
        if self.moment is None:
            return ()
        found: dict[tuple[str, Fault], None] = {}
        for name, part in parts(self.moment.views).items():
            if not isinstance(part, Absent):
                found.update(((name, fault), None) for fault in part.faults)
        return tuple(found)

    # What is to be read, and how often.

    def wanted(self, name: str) -> tuple[str, ...]:
        """What to read while view `name` is open: the overview, which holds most, and more."""
        carried = name == "overview" or (name in OVERVIEW_PARTS and name not in IN_BRIEF)
        return ("overview",) if carried or name not in self.names else ("overview", name)

    @property
    def reached_hz(self) -> float | None:
        """How often the last snapshots really came; `None` while too few did."""
        last = [self._moments[index] for index in range(max(0, len(self._moments) - 5), len(self._moments))]
        if len(last) < 3 or last[-1].taken_at <= last[0].taken_at:
            return None
        return (len(last) - 1) / (last[-1].taken_at - last[0].taken_at)

    def faster(self, steps: int) -> float:
        """The rate, `steps` further along the list of rates."""
        nearest = min(range(len(RATES)), key=lambda index: abs(RATES[index] - self.refresh_hz))
        self.refresh_hz = RATES[max(0, min(len(RATES) - 1, nearest + steps))]
        return self.refresh_hz


def part_of(moment: Moment | None, name: str) -> Part | None:
    """The view `name` of `moment`, also from inside its overview."""
    return None if moment is None else parts(moment.views).get(name)
