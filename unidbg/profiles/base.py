"""What a profile is: a name, a way to recognise its images, and one function per view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from unidbg.program.module import Module
from unidbg.program.program import Program
from unidbg.views.base import Absent, Provenance, View

if TYPE_CHECKING:
    from unidbg_symbols import Image

VIEWS = (
    "overview",
    "net",
    "rings",
    "cloud",
    "orchestration",
    "runtime",
    "memory",
    "security",
    "devices",
    "boot",
    "app",
    "heap",
    "loop",
    "threads",
    "log",
)
"""All views of a system, in the order in which they are shown."""

Detail = Literal["brief", "usual", "packets"]
"""How much of rings is wanted: their counters alone, slots and chains too, or also what lies in the slots."""


class Ahead(Protocol):
    """Is told what the next refresh will read of virtual memory; without a word, what this one read."""

    def expect(self, address: int, length: int) -> None:
        """It will probably read this."""

    def forget(self, address: int, length: int) -> None:
        """It will not read this again, though this one did."""


class Context(NamedTuple):
    """What a view function gets: the program, the head of its view, and whether the guest runs but for this
    stop.
    """

    program: Program
    provenance: Provenance
    was_running: bool = False
    roots: Mapping[str, str] | None = None
    """Kind of view to an expression for its structure, as the user's `[roots]` says."""
    memo: dict[object, object] | None = None
    """Kept from one refresh to the next, for what is too slow to be read each time; `None`: keep nothing."""
    ahead: Ahead | None = None
    """Where to say what the next refresh will read; `None`: nobody fetches ahead."""
    detail: Detail = "usual"

    def absent(self, view: str, reason: str, remedy: str) -> Absent:
        """The view that is not to be had."""
        return Absent(view, reason, remedy, self.provenance)


ViewFunction = Callable[[Context], View | Absent]


class Match(NamedTuple):
    """A profile that recognised an image: which, and by what evidence."""

    profile: Profile
    module: Module | None
    evidence: str


class Profile(Protocol):
    """Knows the roots of one kind of guest."""

    name: str

    def detect(self, image: Image) -> str | None:
        """The evidence by which `image` is one of this profile's, `None` where it is not.

        Never a version string.
        """
        ...

    def views(self) -> Mapping[str, ViewFunction]:
        """The view functions by view name. What is missing here is absent, for the reason of `missing`."""
        ...

    def missing(self, context: Context, view: str) -> Absent:
        """Why `view` is not to be had from this profile."""
        ...
