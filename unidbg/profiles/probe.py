"""Guests that describe themselves: one probe per structure (docs/abi.md), its type from DWARF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from unidbg.profiles import records
from unidbg.profiles.app import app
from unidbg.profiles.base import Context, ViewFunction
from unidbg.profiles.boot import boot
from unidbg.profiles.cloud import cloud
from unidbg.profiles.devices import devices
from unidbg.profiles.fields import Fields
from unidbg.profiles.generic import GenericProfile, without_probe
from unidbg.profiles.heap import heap
from unidbg.profiles.log import log
from unidbg.profiles.loop import loop
from unidbg.profiles.memory import memory
from unidbg.profiles.net import net
from unidbg.profiles.orchestration import orchestration
from unidbg.profiles.rings import rings
from unidbg.profiles.roots import find_root
from unidbg.profiles.runtime import runtime
from unidbg.profiles.security import security
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
    "security": security,
    "cloud": cloud,
    "orchestration": orchestration,
    "runtime": runtime,
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


def _without(context: Context, kind: str, faults: Faults) -> View | Absent:
    """No root: what can be had of any guest, and the records' damage as the reason if there is some."""
    generic = GenericProfile()
    if kind in generic.views():
        return generic.views()[kind](context)
    broken = faults.all()
    if broken:
        return context.absent(kind, broken[0].reason, "check that the image is the running one")
    return without_probe(context, kind)
