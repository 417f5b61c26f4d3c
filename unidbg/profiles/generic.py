"""Any guest with an unstripped image: what can be had without its help.

Every other view says why it is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from unidbg.profiles.base import Context, ViewFunction
from unidbg.views.base import Absent, View

if TYPE_CHECKING:
    from unidbg_symbols import Image

NO_IMAGE = "there is no image of this guest, so its structures are unknown"
NO_PROBE = "the guest exports no probe of this kind"
NO_PROBES = "the guest exports no probes"
REMEDY = (
    "add a line UNIDBG_PROBE({view}, name, &object) to the kernel (docs/abi.md), "
    "or name the object under [roots] in unidbg.toml"
)


class GenericProfile:
    """Memory and protections from page tables and registers, and vCPUs with backtraces."""

    name = "generic"

    def detect(self, image: Image) -> str | None:
        """Any image will do."""
        return "symbols" if image.has_symbols else "an image"

    def views(self) -> Mapping[str, ViewFunction]:
        return {
            "memory": partial(_late, "memory", "generic_memory"),
            "security": partial(_late, "security", "generic_security"),
            "threads": partial(_late, "threads", "threads"),
        }

    def missing(self, context: Context, view: str) -> Absent:
        """Without an image nothing is decoded; with one, a probe is what lacks."""
        if not context.program.modules:
            return context.absent(view, NO_IMAGE, "give the unstripped image with --image FILE")
        return context.absent(view, NO_PROBES, REMEDY.format(view="VIEW"))


def _late(module: str, name: str, context: Context) -> View | Absent:
    """A view by a function whose module is loaded when it is first needed."""
    function: ViewFunction = getattr(import_module(f"unidbg.profiles.{module}"), name)
    return function(context)


def without_probe(context: Context, view: str) -> Absent:
    """A guest that exports other kinds, but not this one."""
    return context.absent(view, NO_PROBE, REMEDY.format(view=view))
