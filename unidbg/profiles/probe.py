"""Guests that describe themselves: one probe per structure (docs/abi.md), its type from DWARF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from unidbg.errors import SymbolError
from unidbg.profiles import records
from unidbg.profiles.app import app
from unidbg.profiles.base import Context, ViewFunction
from unidbg.profiles.boot import boot
from unidbg.profiles.devices import devices
from unidbg.profiles.fields import Fields
from unidbg.profiles.generic import GenericProfile
from unidbg.profiles.heap import heap
from unidbg.profiles.log import log
from unidbg.profiles.loop import loop
from unidbg.profiles.memory import memory
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
    try:
        root = find_root(context, kind, faults)
    except SymbolError as error:
        return context.absent(
            kind, f"the object of the probe has no type: {error}", "build the kernel with -g"
        )
    if root is None:
        return _without(context, kind, faults)
    if not root.is_struct_():
        reason = f"the probe exports {root.type_.name}, which is no struct"
        return context.absent(
            kind, reason, "export a pointer to the structure itself: UNIDBG_PROBE(kind, name, &object)"
        )
    return DECODERS[kind](Fields(context.program, root, faults), context)


def find_root(context: Context, kind: str, faults: Faults) -> Value | None:
    """The object that `[roots]` names for `kind`, else the first probe of that kind."""
    program = context.program
    named = (context.roots or {}).get(kind)
    if named is not None:
        value = program.value(named)
        return value.deref_() if value.is_pointer_() else value
    for module in program.modules:
        for record in records.read_records(program, module, faults):
            if record.kind == kind:
                return records.object_of(program, module, record)
    return None


def _without(context: Context, kind: str, faults: Faults) -> View | Absent:
    generic = GenericProfile()
    if kind in generic.views():
        return generic.views()[kind](context)
    absent = generic.missing(context, kind)
    broken = faults.all()
    return (
        context.absent(kind, broken[0].reason, "check that the image is the running one")
        if broken
        else absent
    )
