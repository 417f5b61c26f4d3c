"""Guests that describe themselves: one probe per structure (docs/abi.md), its type from DWARF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from unidbg.errors import SymbolError, TargetError
from unidbg.profiles import records
from unidbg.profiles.app import app
from unidbg.profiles.base import Context, ViewFunction
from unidbg.profiles.boot import boot
from unidbg.profiles.devices import devices
from unidbg.profiles.fields import Fields
from unidbg.profiles.generic import GenericProfile, without_probe
from unidbg.profiles.heap import heap
from unidbg.profiles.log import log
from unidbg.profiles.loop import loop
from unidbg.profiles.memory import memory
from unidbg.profiles.net import net
from unidbg.profiles.rings import rings
from unidbg.program.value import Value
from unidbg.structures.faults import Faults
from unidbg.views.base import Absent, View

if TYPE_CHECKING:
    from unidbg_symbols import Image

Decoder = Callable[[Fields, Context], View]

DECODERS: Mapping[str, Decoder] = {
    "memory": memory,
    "devices": devices,
    "boot": boot,
    "app": app,
    "heap": heap,
    "loop": loop,
    "log": log,
    "net": net,
    "rings": rings,
}


class ProbeProfile:
    """Views from the structures that the guest exports, or that the user's `[roots]` names."""

    name = "probe"

    def __init__(self) -> None:
        self._fallback = GenericProfile()

    def detect(self, image: Image) -> str | None:
        """An image with probe records."""
        bounds = records.records_range(image)
        return "probe records" if bounds is not None and bounds[0] < bounds[1] else None

    def views(self) -> Mapping[str, ViewFunction]:
        decoded = {kind: partial(decode, kind=kind) for kind in DECODERS}
        return {**self._fallback.views(), **decoded}

    def missing(self, context: Context, view: str) -> Absent:
        return self._fallback.missing(context, view)


def decode(context: Context, kind: str) -> View | Absent:
    """The view `kind` from its root, or why there is none."""
    faults = Faults()
    root = find_root(context, kind, faults)
    if root is None:
        return _without(context, kind, faults)
    if isinstance(root, Absent):
        return root
    if not root.is_struct_():
        reason = f"its root is {root.type_.name}, which is no struct"
        remedy = "export a pointer to the structure itself: UNIDBG_PROBE(kind, name, &object)"
        return context.absent(kind, reason, remedy)
    return DECODERS[kind](Fields(context.program, root, faults), context)


def find_root(context: Context, kind: str, faults: Faults) -> Value | Absent | None:
    """The structure behind a view: what the user's `[roots]` names, else the object of the first probe."""
    named = _named_root(context, kind)
    return named if named is not None else _probe_root(context, kind, faults)


def _named_root(context: Context, kind: str) -> Value | Absent | None:
    """What the expression in `[roots]` gives for `kind`, or points to."""
    expression = (context.roots or {}).get(kind)
    if expression is None:
        return None
    from unidbg.program.expression import evaluate

    try:
        value = evaluate(context.program, expression)
        return value.deref_() if value.is_pointer_() else value
    except (SymbolError, TargetError) as error:
        remedy = f"correct `{kind}` in [roots] of unidbg.toml"
        return context.absent(kind, f"its root `{expression}` means nothing: {error}", remedy)


def _probe_root(context: Context, kind: str, faults: Faults) -> Value | Absent | None:
    """The object of the first probe of `kind`."""
    program = context.program
    for module in program.modules:
        for record in records.read_records(program, module, faults):
            if record.kind == kind:
                try:
                    return records.object_of(program, module, record)
                except SymbolError as error:
                    reason = f"the object of the probe has no type: {error}"
                    return context.absent(kind, reason, "build the kernel with -g")
    return None


def _without(context: Context, kind: str, faults: Faults) -> View | Absent:
    """No root: what can be had of any guest, and the records' damage as the reason if there is some."""
    generic = GenericProfile()
    if kind in generic.views():
        return generic.views()[kind](context)
    broken = faults.all()
    if broken:
        return context.absent(kind, broken[0].reason, "check that the image is the running one")
    return without_probe(context, kind)
