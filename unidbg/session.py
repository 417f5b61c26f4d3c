"""A session: open a target, find its image and profile, take snapshots of views.

The one facade under CLI and TUI; it belongs to one thread. A snapshot stops the guest once and briefly: what
the last one read is fetched in one go, the guest runs on, and the views are decoded from what was fetched.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from unidbg import config as configuration
from unidbg.errors import LocalProtocolError, MemoryFault, SymbolError
from unidbg.profiles import registry
from unidbg.profiles.base import VIEWS, Context
from unidbg.profiles.overview import overview
from unidbg.program.capture import Capture
from unidbg.program.finding import ImageSpec, Named, find_modules, open_named
from unidbg.program.program import Program
from unidbg.program.refresh import Refresher, stand
from unidbg.views.base import Absent, Fault, Provenance, View
from unidbg.views.provenance import with_provenance
from unidbg.views.system import OVERVIEW_PARTS

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from unidbg.checks.check import Check, Limits
    from unidbg.profiles.burden import Burden
    from unidbg.profiles.find import Pattern
    from unidbg.program.sources import Sources
    from unidbg.target.base import Target
    from unidbg.views.findings import ChecksView, DiagnosisView
    from unidbg.views.inspect import (
        DisassemblyView,
        MemoryDumpView,
        RegistersView,
        SymbolInfo,
        ValueView,
    )
    from unidbg.views.system import ThreadsView

UNREADABLE = "check that the image is the running one; a dump may lack this memory"

V = TypeVar("V", bound=View)
Views = Mapping[str, View | Absent]
W = TypeVar("W", bound="View | Absent")

__all__ = ["VIEWS", "ImageSpec", "Session", "Snapshot"]


class Snapshot(NamedTuple):
    """Views of one stop. `stopped_ns` is how long the guest stood for it, `None` where it stood already."""

    views: Mapping[str, View | Absent]
    stopped_ns: int | None
    generation: int


class Session:
    """See the module. Use as a context manager: leaving it leaves the guest as it was."""

    VIEWS = VIEWS

    def __init__(
        self,
        target: Target,
        program: Program,
        *,
        config: configuration.Config | None = None,
        image_note: str = "",
    ) -> None:
        """`image_note` says why there is no image, for the views that are absent for want of it."""
        self.target = target
        self.program = program
        self.config = config or configuration.Config()
        self.image_note = image_note
        self.announce: Callable[[Burden], None] | None = None
        """Is told what a question will cost, before the guest stands for long."""
        self._roots = self.config.table("roots")
        self.match = registry.detect(program.modules, roots=bool(self._roots))
        self._memo: dict[object, object] = {}
        self._refresher = Refresher(target, program.modules)

    @classmethod
    def open(cls, url: str, *, images: Sequence[ImageSpec] = (), timeout: float = 5.0) -> Session:
        """Open the target, find and verify its images. TargetError and ImageError say what to do next."""
        from unidbg.target import open_target

        config = configuration.load()
        named = open_named(images, config)
        machine = named[0].image.machine if named else None
        target = open_target(url, timeout=timeout, image_machine=machine)
        try:
            return cls._with(target, named, config)
        except BaseException:
            target.close()
            raise

    @classmethod
    def over(
        cls, target: Target, *, images: Sequence[ImageSpec] = (), config: configuration.Config | None = None
    ) -> Session:
        """A session on a target that is open already; it closes it in the end."""
        config = config or configuration.Config()
        return cls._with(target, open_named(images, config), config)

    @classmethod
    def _with(cls, target: Target, named: Sequence[Named], config: configuration.Config) -> Session:
        with stand(target):
            found = find_modules(target, named, config)
        if target.run is None:
            from unidbg.program.filling import fill

            fill(target, found.modules)
        return cls(target, Program(target, found.modules), config=config, image_note=found.note)

    @property
    def profile_name(self) -> str:
        """`probe`, `generic` ..."""
        return self.match.profile.name

    def view(self, name: str) -> View | Absent:
        """One view at one brief stop."""
        return self.snapshot([name]).views[name]

    def snapshot(self, names: Sequence[str]) -> Snapshot:
        """All of `names` at one stop; KeyError for a name that is not in `VIEWS`."""
        unknown = [name for name in names if name not in VIEWS]
        if unknown:
            raise KeyError(f"no view {unknown[0]!r}; known: {', '.join(VIEWS)}")
        taken = self._refresher.take(
            tuple(names), lambda capture: self._decode(self._context(capture), names), surveyed=True
        )
        head = self.provenance(taken.capture, taken.stopped_ns)
        views = {name: self._noted(with_provenance(view, head)) for name, view in taken.result.items()}
        return Snapshot(views, taken.stopped_ns, taken.capture.generation)

    def packets(self) -> View | Absent:
        """The view `rings` with what lies in the slots, at one brief stop."""
        taken = self._refresher.take(
            "packets", lambda capture: self._one(self._context(capture)._replace(detail="packets"), "rings")
        )
        return with_provenance(taken.result, self.provenance(taken.capture, taken.stopped_ns))

    def _decode(self, context: Context, names: Sequence[str]) -> dict[str, View | Absent]:
        wanted = dict.fromkeys([*names, *(OVERVIEW_PARTS if "overview" in names else ())])
        brief = context._replace(detail="brief")
        found = {
            name: self._one(context if name in names else brief, name)
            for name in wanted
            if name != "overview"
        }
        if "overview" in names:
            found["overview"] = overview(context, found)
        return {name: found[name] for name in names}

    def _one(self, context: Context, name: str) -> View | Absent:
        function = self.match.profile.views().get(name)
        if function is not None:
            return _or_absent(context, name, function)
        absent = self.match.profile.missing(context, name)
        if self.image_note and not self.program.modules:
            return context.absent(name, self.image_note, absent.remedy)
        return absent

    def _context(self, capture: Capture) -> Context:
        program, head = Program(capture, self.program.modules), self.provenance(capture)
        memo = None if capture.trial else self._memo
        return Context(program, head, capture.was_running, self._roots, memo, capture)

    def provenance(self, target: Target | None = None, stopped_ns: int | None = None) -> Provenance:
        """Where data comes from that is read now, or was read from `target` at a stop of that length."""
        target = target or self.target
        return Provenance(
            target=target.url,
            access=target.access,
            images=tuple(module.identity() for module in self.program.modules),
            profile=self.profile_name,
            consistency="stopped" if target.consistent else "racy",
            stop_number=target.generation,
            stopped_ns=stopped_ns,
        )

    def provenance_of(self, views: Views) -> Provenance:
        """Of what is made from all of `views`: `stopped_ns` is the sum over the stops for them."""
        heads = {view.provenance.stop_number: view.provenance for view in views.values()}
        if not heads:
            return self.provenance()
        stood = [head.stopped_ns for head in heads.values() if head.stopped_ns is not None]
        return replace(next(iter(heads.values())), stopped_ns=sum(stood) if stood else None)

    def registers(self, thread: str | None = None) -> RegistersView:
        """The registers of a thread (the one that stopped)."""
        from unidbg.profiles.inspect import registers

        return self._inspect(("registers", thread), lambda c: registers(c, thread))

    def backtrace(
        self, thread: str | None = None, *, every: bool = False, source: bool = False
    ) -> ThreadsView:
        """One thread, or every one, with its backtrace, the variables of its frames, and lines of source."""
        from unidbg.profiles.inspect import backtrace
        from unidbg.profiles.sources import threads_with_source

        view = self._inspect(("backtrace", thread, every), lambda c: backtrace(c, thread, every))
        return threads_with_source(view, self.sources) if source else view

    @property
    def sources(self) -> Sources:
        """Finds the files of source that the images name."""
        from unidbg.program.sources import Sources

        table = self.config.table("paths", "sources")
        mapping = {prefix: self.config.resolve(place) for prefix, place in table.items()}
        return Sources(mapping, [module.image.path for module in self.program.modules], os.getcwd())

    def disassemble(
        self,
        where: str | int | None = None,
        count: int = 16,
        thread: str | None = None,
        *,
        source: bool = False,
    ) -> DisassemblyView:
        """`count` instructions from an address, a symbol or an expression on; `None`: the program counter."""
        from unidbg.profiles.inspect import disassembly
        from unidbg.profiles.sources import code_with_source

        question = ("disassemble", where, count, thread)
        view = self._inspect(question, lambda c: disassembly(c, where, count, thread))
        return code_with_source(view, self.sources) if source else view

    def examine(
        self, where: str | int, format: str = "x", count: int = 1, unit: int = 8, thread: str | None = None
    ) -> MemoryDumpView:
        """`count` units of `unit` bytes (with format `s`: texts) at an address or an expression."""
        from unidbg.profiles.inspect import memory_dump

        question = ("examine", where, format, count, unit, thread)
        return self._inspect(question, lambda c: memory_dump(c, where, format, count, unit, thread))

    def evaluate(self, expression: str, thread: str | None = None) -> ValueView:
        """The value of a C-like expression."""
        from unidbg.profiles.inspect import value

        return self._inspect(("evaluate", expression, thread), lambda c: value(c, expression, thread))

    def symbol(self, query: str) -> list[SymbolInfo]:
        """The symbols of that name, else the one around the address that `query` means."""
        from unidbg.profiles.inspect import symbol_around, symbols

        return symbols(self.program, query) or [symbol_around(self.program, self.address(query))]

    def address(self, where: str | int) -> int:
        """The address that an expression means."""
        from unidbg.profiles.inspect import address_of

        with stand(self.target):
            return address_of(self.program, where, None)

    def blocks(self, limit: int) -> View | Absent:
        """The blocks of the heap, the first `limit` of them listed."""
        from unidbg.profiles.blocks import blocks

        return self._standing(lambda c: _or_absent(c, "blocks", lambda c: blocks(c, limit)))

    def leaks(self) -> View | Absent:
        """Live blocks that nothing points to."""
        from unidbg.profiles.burden import announced
        from unidbg.profiles.leaks import leaks

        made = announced(leaks, self.announce)
        return self._standing(lambda c: _or_absent(c, "leaks", made))

    def whatis(self, where: str | int) -> View | Absent:
        """What an address is."""
        from unidbg.profiles.whatis import whatis

        return self._standing(lambda c: whatis(c, where))

    def find(self, pattern: Pattern, limit: int, everything: bool = False) -> View | Absent:
        """Where a pattern lies in live data, or in all that is mapped."""
        from unidbg.profiles.find import find

        return self._standing(lambda c: find(c, pattern, limit, everything))

    def examine_with(
        self, checks: Sequence[Check], *, before: Views | None = None, limits: Limits | None = None
    ) -> ChecksView:
        """What the checks say of the guest as it is now; `before`: its views at an earlier moment."""
        from unidbg.checks.check import Limits, Seen
        from unidbg.checks.running import run, views_needed
        from unidbg.views.findings import ChecksView

        views = self.views(views_needed(checks))
        findings, verdicts = run(Seen(views, before, limits or Limits()), checks)
        return ChecksView(self.provenance_of(views), (), findings, verdicts)

    def views(self, names: Sequence[str]) -> dict[str, View | Absent]:
        """All of `names`: those of `VIEWS` at one stop, and `blocks`, `leaks`, `text`, `probes`."""
        found: dict[str, View | Absent] = dict(self.snapshot([n for n in names if n in VIEWS]).views)
        others = {
            "blocks": lambda: self.blocks(0),
            "leaks": self.leaks,
            "text": self.text,
            "probes": self.probes,
        }
        for name in names:
            if name in others:
                found[name] = others[name]()
        return found

    def diagnosis(self) -> DiagnosisView:
        """The first page of an incident: what, why, where, and what the checks found."""
        from unidbg.checks.diagnosis import NEEDED, diagnosis

        views = self.views(NEEDED)
        return diagnosis(views, self.provenance_of(views))

    def text(self) -> View | Absent:
        """The image's read-only segments against memory."""
        from unidbg.profiles.integrity import text

        return self._standing(lambda c: _or_absent(c, "text", text))

    def probes(self) -> View | Absent:
        """The table of probes as it stands in the guest."""
        from unidbg.profiles.integrity import probes

        return self._standing(lambda c: _or_absent(c, "probes", probes))

    def _standing(self, make: Callable[[Context], View | Absent]) -> View | Absent:
        """A view that reads much and once, while the guest stands: nothing of it is kept."""
        was_running = self.target.run is not None and self.target.run.running
        start = time.perf_counter_ns()
        with stand(self.target):
            made = make(Context(self.program, self.provenance(), was_running, self._roots, {}))
        stopped_ns = time.perf_counter_ns() - start if was_running else None
        return with_provenance(made, replace(made.provenance, stopped_ns=stopped_ns))

    def _inspect(self, question: tuple[object, ...], make: Callable[[Context], V]) -> V:
        taken = self._refresher.take(question, lambda capture: make(self._context(capture)))
        return self._noted(with_provenance(taken.result, self.provenance(taken.capture, taken.stopped_ns)))

    def _noted(self, view: W) -> W:
        """The view with what is wrong with the dump itself in front of its faults."""
        notes = getattr(self.target, "notes", ())
        if not notes or isinstance(view, Absent):
            return view
        faults = tuple(Fault("dump", note) for note in notes)
        return replace(view, faults=(*faults, *view.faults))

    def monitor(self, command: str) -> str:
        """What the stub prints for a `monitor` command; LocalProtocolError where nobody can be asked."""
        if self.target.run is None:
            raise LocalProtocolError(f"{self.target.url} is not alive: a dump cannot run `monitor {command}`")
        return self.target.run.monitor(command)

    def close(self) -> None:
        """Leave the guest as it was. Idempotent."""
        self.target.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _or_absent(context: Context, name: str, function: Callable[[Context], View | Absent]) -> View | Absent:
    """The view, absent where what it is made from is not to be had."""
    try:
        return function(context)
    except SymbolError as error:
        return context.absent(name, str(error), "give the unstripped image of this build with --image FILE")
    except MemoryFault as fault:
        return context.absent(name, f"what it is read from is not there: {fault}", UNREADABLE)
