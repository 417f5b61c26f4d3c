"""What a check is: a name, a severity, and a function from views to what it found.

A check that meets a view that is absent, or a fault where it looks, cannot tell, and says so: silence is
never taken for health.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from unidbg.views.base import Absent, Location, View

V = TypeVar("V", bound=View)

SEVERITIES = ("error", "warning", "note")


class CannotTell(Exception):
    """The check has not what it needs; the message says what that is."""


class Found(NamedTuple):
    """One thing that is wrong: the JSON path in the view, a sentence with the evidence, and where it is.

    `key` tells it from others of the same check without addresses or counts that change; by default the path.
    """

    where: str
    message: str
    location: Location | None = None
    key: str = ""


class Limits(NamedTuple):
    """From where on something is too much."""

    stack_margin_bytes: int = 1024
    heap_used_percent: int = 90
    fragmentation_percent: int = 75
    fragmentation_bytes: int = 64 << 10
    timer_overdue_ns: int = 100_000_000
    loop_late_ns: int = 1_000_000_000
    interrupts_per_second: int = 50_000
    boot_phase_ns: int = 1_000_000_000


class Seen(NamedTuple):
    """The views of one moment, those of an earlier one where there are any, and the limits.

    `elapsed_ns` lay between the two by the clock of this host.
    """

    views: Mapping[str, View | Absent]
    before: Mapping[str, View | Absent] | None = None
    limits: Limits = Limits()
    elapsed_ns: int = 0

    def get(self, name: str, kind: type[V], *paths: str) -> V:
        """View `name`; CannotTell where it is absent, or has a fault under one of the JSON `paths`."""
        view = self.views.get(name)
        if isinstance(view, Absent):
            raise CannotTell(view.reason)
        if not isinstance(view, kind):
            raise CannotTell(f"the view `{name}` was not read")
        for fault in view.faults:
            if any(covers(path, fault.where) for path in paths):
                raise CannotTell(f"{name}.{fault.where}: {fault.reason}")
        return view


class Check(NamedTuple):
    """A check. `needs` are the views that it looks at, the one that it is about first."""

    name: str
    severity: str
    needs: tuple[str, ...]
    text: str
    remedy: str
    look: Callable[[Seen], Iterator[Found]]


def covers(path: str, where: str) -> bool:
    """Whether a fault at `where` lies under `path`; `*` in a path is any element of a list."""
    wanted, given = path.split("."), where.replace("[", ".").replace("]", "").split(".")
    return len(given) >= len(wanted) and all(w in ("*", g) for w, g in zip(wanted, given, strict=False))
