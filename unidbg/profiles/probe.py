"""Guests that describe themselves: one probe per structure (docs/abi.md), its type from DWARF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from unidbg.profiles import records
from unidbg.profiles.base import Context, ViewFunction
from unidbg.profiles.fields import Fields
from unidbg.profiles.generic import GenericProfile, without_probe
from unidbg.profiles.roots import find_root
from unidbg.structures.faults import Faults
from unidbg.views.base import Absent, View

if TYPE_CHECKING:
    from unidbg_symbols import Image

Decoder = Callable[[Fields, Context], View]

KINDS = (
    "memory",
    "devices",
    "boot",
    "app",
    "heap",
    "loop",
    "log",
    "net",
    "rings",
    "security",
    "cloud",
    "orchestration",
    "runtime",
)
"""The kinds of probe that have a view; each decoder is the function of that name in a module of that name."""


def decoder(kind: str) -> Decoder:
    """The function that makes the view `kind`; its module is loaded when it is first needed."""
    found: Decoder = getattr(import_module(f"unidbg.profiles.{kind}"), kind)
    return found


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
        decoded = {kind: partial(decode, kind=kind) for kind in KINDS}
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
    return decoder(kind)(Fields(context.program, root, faults), context)


def _without(context: Context, kind: str, faults: Faults) -> View | Absent:
    """No root: what can be had of any guest, and the records' damage as the reason if there is some."""
    generic = GenericProfile()
    if kind in generic.views():
        return generic.views()[kind](context)
    broken = faults.all()
    if broken:
        return context.absent(kind, broken[0].reason, "check that the image is the running one")
    return without_probe(context, kind)
