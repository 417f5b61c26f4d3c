"""`unidbg doctor`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from unidbg.cli.command import Command, examples
from unidbg.cli.exits import ANSWERED, NEGATIVE
from unidbg.cli.options import COLOR, IMAGE, JSON, TIMEOUT, Settings, settings
from unidbg.cli.out import present
from unidbg.cli.parameters import TargetType

if TYPE_CHECKING:
    from unidbg.views.host import Diagnosis


@click.command(
    "doctor",
    cls=Command,
    epilog=examples("unidbg doctor", "unidbg doctor :1234", "unidbg doctor --image app.elf"),
)
@click.argument("target", type=TargetType(), required=False)
@settings(IMAGE, JSON, TIMEOUT, COLOR)
def command(target: str | None, settings: Settings) -> None:
    """Check what unidbg needs, and how to get it.

    QEMU, an accelerator proven by running something, gdb and lldb, the image and its debug information, and
    with TARGET the link to the guest: a line each, with its remedy. Exit code 1 if something essential is
    missing.
    """
    from unidbg.views.host import DoctorReport

    report = DoctorReport(target or "", tuple(_diagnoses(target, settings)))
    present(lambda: report, settings)
    missing = any(one.verdict == "failed" and one.essential for one in report.diagnoses)
    sys.exit(NEGATIVE if missing else ANSWERED)


def _diagnoses(target: str | None, settings: Settings) -> Iterator[Diagnosis]:
    from unidbg.cli.doctor.guest import guest_diagnoses
    from unidbg.cli.doctor.host import host_diagnoses
    from unidbg.cli.doctor.image import image_diagnoses

    yield from host_diagnoses(guest_is_given=target is not None)
    if target is not None:
        yield from guest_diagnoses(target, settings)
        return
    for path, _ in settings.images:
        yield from image_diagnoses(path)
