"""The host: QEMU, a proven accelerator, gdb and lldb, and the packages that commands load late."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec

from unidbg.transport.programs import first_line
from unidbg.views.host import Diagnosis

PACKAGES = ("capstone", "click", "elftools", "numpy", "pygdbmi", "rich", "textual")
OLDEST_PYTHON = (3, 11)


def host_diagnoses(*, guest_is_given: bool) -> Iterator[Diagnosis]:
    """All of the host's. QEMU is essential only to those who have no guest yet."""
    yield python()
    yield packages()
    qemu = program("QEMU", "qemu-system-x86_64", "apt install qemu-system-x86", essential=not guest_is_given)
    yield qemu
    if qemu.verdict == "ok":
        yield accelerator()
    yield program("gdb", "gdb", "apt install gdb, if you want to use it beside unidbg", essential=False)
    yield program("lldb", "lldb", "apt install lldb, if you want to use it beside unidbg", essential=False)


def python() -> Diagnosis:
    """The version of the interpreter."""
    version = sys.version.split()[0]
    if sys.version_info[:2] < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        return Diagnosis("Python", "failed", version, f"install Python {wanted} or newer")
    return Diagnosis("Python", "ok", version)


def packages() -> Diagnosis:
    """The packages that `pip install unidbg` brings."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        return Diagnosis(
            "packages", "failed", f"missing: {', '.join(missing)}", "pip install --force-reinstall unidbg"
        )
    return Diagnosis("packages", "ok", "all there")


def program(subject: str, name: str, remedy: str, *, essential: bool) -> Diagnosis:
    """A program on the PATH that tells its version."""
    path = shutil.which(name)
    verdict = "failed" if essential else "skipped"
    if path is None:
        return Diagnosis(subject, verdict, f"no {name} on the PATH", remedy, essential)
    line = first_line([path, "--version"])
    if line is None:
        return Diagnosis(subject, verdict, f"{path} does not run", remedy, essential)
    version = re.search(r"\d+(\.\d+)+", line)
    return Diagnosis(subject, "ok", f"{version[0] if version else line}, {path}", essential=essential)


def accelerator() -> Diagnosis:
    """How QEMU runs guests here, proven by running one."""
    from unidbg.target.guests import prove_accelerator

    found = prove_accelerator()
    if found.name == "tcg":
        return Diagnosis(
            "accelerator",
            "warning",
            f"tcg: guests run, but slower ({found.reason})",
            "load the kvm module and join the group kvm, or use a host with virtualisation",
            essential=False,
        )
    return Diagnosis("accelerator", "ok", f"{found.name}, proven", essential=False)
