"""The last way to break into a guest of our own: a non-maskable interrupt, raised through QMP.

It is for a guest that runs with interrupts off, whose stub does not hear its line. A kernel that has no stub
may die of an NMI, so the image must have one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from unidbg.errors import ImageError, SymbolError, TargetTimeout
from unidbg.target.stub import Nmi
from unidbg.transport.qmp import Qmp

if TYPE_CHECKING:
    from unidbg.target.registry import GuestRecord

STUB_SYMBOL = "unidbg_trap"
"""The function of our stub to which a kernel brings its exceptions."""
PATIENCE = 2.0


def nmi_of(record: GuestRecord) -> Nmi | None:
    """How to raise one in the guest of a record; `None` where there is no way, or no stub to take it.

    One in a guest that is paused would wait there for the day when it goes on: `TargetTimeout`.
    """
    path = _monitor(record)
    if not path or not _has_stub(record.image):
        return None

    def inject() -> None:
        with Qmp(path, timeout=PATIENCE) as qmp:
            if not qmp.command("query-status", timeout=PATIENCE).get("running"):
                raise TargetTimeout(
                    "QEMU has paused the guest: another debugger holds it, or nobody let it go"
                )
            qmp.command("inject-nmi", timeout=PATIENCE)

    return inject


def _monitor(record: GuestRecord) -> str:
    """QMP serves one client at a time: our own socket, where there is one, else everybody's."""
    own = os.path.join(record.folder, "own.sock")
    return own if os.path.exists(own) else record.lines.get("qmp", "").removeprefix("qmp:")


def _has_stub(path: str) -> bool:
    from unidbg_symbols import Image

    try:
        return bool(Image.open(path).symbols_named(STUB_SYMBOL))
    except (ImageError, SymbolError):
        return False
