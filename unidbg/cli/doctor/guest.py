"""A guest: whether it answers, what its stub can do, and whether its images are the right ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from unidbg.cli import opening
from unidbg.cli.doctor.image import opened_image_diagnoses
from unidbg.cli.options import Settings
from unidbg.errors import UnidbgError
from unidbg.render import units
from unidbg.views.base import Absent
from unidbg.views.host import Diagnosis

if TYPE_CHECKING:
    from unidbg.program.module import Module
    from unidbg.session import Session

STUBS = {"unidbg": "unidbg's own stub", "qemu": "QEMU's gdbstub", "rsp": "a stub of another make"}


def guest_diagnoses(target: str, settings: Settings) -> Iterator[Diagnosis]:
    """All of a guest's; when it does not answer that is the only one."""
    began = time.perf_counter_ns()
    try:
        session = opening.open_session(target, settings)
    except UnidbgError as error:
        yield Diagnosis("link", "failed", str(error))
        return
    took = time.perf_counter_ns() - began
    with session:
        yield link(session, took)
        yield from abi(session)
        yield from images(session)
        yield stop(session)
        yield from views(session)


def link(session: Session, took_ns: int) -> Diagnosis:
    """The line, what is at its other end, and how long it took to open."""
    target = session.target
    stub = STUBS.get(target.kind, target.kind)
    facts = (stub, target.architecture or "unknown architecture", f"open in {units.duration(took_ns)}")
    return Diagnosis("link", "ok", f"{target.url} by {target.access}: {', '.join(facts)}")


def abi(session: Session) -> Iterator[Diagnosis]:
    """Whether our stub in the guest and this client are of one age; either way they do what both know."""
    from unidbg.rsp.unidbgstub import ABI
    from unidbg.target.rsptarget import RspTarget

    spoken = session.target.stub.abi if isinstance(session.target, RspTarget) else None
    if spoken is None:
        return
    if spoken == ABI:
        yield Diagnosis("stub ABI", "ok", str(spoken), essential=False)
        return
    age, remedy = (
        ("newer", "update unidbg") if spoken > ABI else ("older", "build the guest with a newer stub")
    )
    detail = f"{spoken}, {age} than the {ABI} of this unidbg: what both know works"
    yield Diagnosis("stub ABI", "warning", detail, remedy, essential=False)


def images(session: Session) -> Iterator[Diagnosis]:
    """Each image, and whether it is the one that runs."""
    if not session.program.modules:
        note = session.image_note or "no image"
        yield Diagnosis("image", "failed", note, "give the unstripped image: --image FILE")
    for module in session.program.modules:
        yield _image(module)
        yield from opened_image_diagnoses(module.image)


def _image(module: Module) -> Diagnosis:
    where = module.image.path + (f" at bias {module.bias:#x}" if module.bias else "")
    if module.verified == "unverified":
        remedy = "link the guest with --build-id, so that a wrong image is noticed"
        return Diagnosis("image", "warning", f"{where}: not verified", remedy, essential=False)
    how = f", found by {module.evidence}" if module.bias else ""
    return Diagnosis("image", "ok", f"{where}{how}, verified by {module.verified}")


def stop(session: Session) -> Diagnosis:
    """How long a first page makes the guest stand still."""
    stopped_ns = session.snapshot(["overview"]).stopped_ns
    detail = "the guest stands still already"
    if stopped_ns is not None:
        detail = f"an overview stops the guest for {units.duration(stopped_ns)}"
    return Diagnosis("stop", "ok", detail, essential=False)


def views(session: Session) -> Iterator[Diagnosis]:
    """What cannot be shown of this guest, and what would change that."""
    for name, view in session.snapshot(session.VIEWS).views.items():
        if isinstance(view, Absent):
            yield Diagnosis(name, "skipped", view.reason, view.remedy, essential=False)
