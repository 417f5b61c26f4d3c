"""What is kept of a guest when its test fails: diagnosis, console, dump."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from unidbg.errors import UnidbgError
from unidbg.testing.guest import Guest


def collect(guest: Guest, folder: Path, test: str) -> str:
    """Write the files of a guest under `folder`, one folder a test; the text for the report."""
    place = folder / re.sub(r"[^\w.-]+", "-", test)[-120:].strip("-") / guest.name
    place.mkdir(parents=True, exist_ok=True)
    parts = [_diagnosis(guest, place), _console(guest, place), _dump(guest, place)]
    return "\n".join(part for part in parts if part)


def _diagnosis(guest: Guest, place: Path) -> str:
    from unidbg.render.markdown import diagnosis
    from unidbg.render.table import render

    try:
        session = guest.open_session() or guest.session()
        found = session.session.diagnosis()
    except UnidbgError as error:
        return f"no diagnosis: {error}"
    finally:
        guest.leave()
    path = place / "diagnosis.md"
    path.write_text(diagnosis(found), encoding="utf-8")
    return f"{render(found, 110)}\ndiagnosis: {path}"


def _console(guest: Guest, place: Path) -> str:
    try:
        path = shutil.copy(guest.record.log, place / "console.log")
    except OSError as error:
        return f"no console: {error.strerror}"
    return f"console:   {path}"


def _dump(guest: Guest, place: Path) -> str:
    path = place / "guest.core"
    try:
        guest.dump(path)
    except (UnidbgError, subprocess.TimeoutExpired, OSError) as error:
        return f"no dump: {error}"
    return f"dump:      {path}\nlook into it: unidbg overview {path} --image {guest.image}"
