"""What is kept of a guest when its test fails: diagnosis, console, dump."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from unidbg.errors import UnidbgError
from unidbg.testing.guest import Guest


def collect(guest: Guest, folder: Path, test: str, *, quiet: bool = False) -> str:
    """Write the files of a guest under `folder`, one folder a test; the text for the report, which has the
    diagnosis itself unless it is to be `quiet`.
    """
    place = folder / re.sub(r"[^\w.-]+", "-", test)[-120:].strip("-") / guest.name
    place.mkdir(parents=True, exist_ok=True)
    dump = _dump(guest, place)
    parts = [_diagnosis(guest, place, dump, quiet), _console(guest, place), _said(dump, guest)]
    return "\n".join(part for part in parts if part)


def _diagnosis(guest: Guest, place: Path, dump: Path | str, quiet: bool) -> str:
    """What it names as the next step is asked of the dump: the guest will be gone."""
    from unidbg.render.markdown import diagnosis
    from unidbg.render.table import render

    try:
        session = guest.open_session() or guest.session()
        found = session.session.diagnosis()
    except UnidbgError as error:
        return f"no diagnosis: {error}"
    finally:
        guest.leave()
    if isinstance(dump, Path):
        steps = (step.replace(found.provenance.target, str(dump)) for step in found.next)
        found = replace(found, next=tuple(f"{step} --image {guest.image}" for step in steps))
    path = place / "diagnosis.md"
    path.write_text(diagnosis(found), encoding="utf-8")
    shown = "" if quiet else f"{render(found, 110)}\n"
    return f"{shown}diagnosis: {path}"


def _console(guest: Guest, place: Path) -> str:
    try:
        path = shutil.copy(guest.record.log, place / "console.log")
    except OSError as error:
        return f"no console: {error.strerror}"
    return f"console:   {path}"


def _dump(guest: Guest, place: Path) -> Path | str:
    """Its path, or why there is none."""
    try:
        return guest.dump(place / "guest.core")
    except (UnidbgError, subprocess.TimeoutExpired, OSError) as error:
        return str(error)


def _said(dump: Path | str, guest: Guest) -> str:
    if isinstance(dump, str):
        return f"no dump: {dump}"
    return f"dump:      {dump}\nlook into it: unidbg overview {dump} --image {guest.image}"
