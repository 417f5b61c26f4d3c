"""`unidbg stub build`: the objects that a kernel links, by the user's compiler."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from unidbg.cli.exits import Unanswered
from unidbg.cli.kit import sources
from unidbg.cli.kit.copying import put
from unidbg.views.host import KitFile, KitReport

OBJECTS = ("unidbg.o", "entry.o", "note.o", "crash.o", "track.o")
ALIASES = {"amd64": "x86_64", "arm64": "aarch64"}
ALLOCATED = 2
"""SHF_ALLOC of ELF: the section is in memory at run time."""
TAIL = 12
"""Lines of a failed build that are shown."""


def build(architecture: str, folder: Path, *, compiler: str | None, options: Mapping[str, str]) -> KitReport:
    """The objects and the headers for them in `folder`. `Unanswered` says what is missing or went wrong."""
    tools = _tools(architecture, compiler)
    with tempfile.TemporaryDirectory(prefix="unidbg-stub-") as scratch:
        _make(architecture, Path(scratch), {**tools, **options})
        made = [_object(Path(scratch) / architecture / name, folder) for name in OBJECTS]
    headers = [path for path in sources.files() if path.parts[0] == "include"]
    made += [put(sources.stubs() / path, folder, path.as_posix()) for path in headers]
    return KitReport("built", str(folder), (architecture,), tuple(made))


def _object(path: Path, folder: Path) -> KitFile:
    from unidbg_symbols import Image

    loaded = sum(one.size for one in Image.open(path).sections if one.flags & ALLOCATED)
    return replace(put(path, folder, path.name), loaded_bytes=loaded)


def _tools(architecture: str, compiler: str | None) -> dict[str, str]:
    """Compiler, linker and objcopy for the architecture. `Unanswered` if one is not there."""
    machine = platform.machine().lower()
    prefix = "" if ALIASES.get(machine, machine) == architecture else f"{architecture}-linux-gnu-"
    chosen = compiler or os.environ.get("CC") or f"{prefix}gcc"
    tools = {"CC": chosen, "LD": f"{prefix}ld", "NM": f"{prefix}nm", "OBJCOPY": f"{prefix}objcopy"}
    for program in ("make", *(words.split()[0] for words in tools.values() if words.split())):
        if shutil.which(program) is None:
            raise Unanswered(f"there is no {program} here", _remedy(prefix))
    return tools


def _remedy(prefix: str) -> str:
    suffix = f"-{prefix.rstrip('-').replace('_', '-')}" if prefix else ""
    return f"on Debian: apt install make gcc{suffix} binutils{suffix}; --cc names another compiler"


def _make(architecture: str, scratch: Path, variables: Mapping[str, str]) -> None:
    words = [f"{name}={value}" for name, value in variables.items()]
    command = ["make", "-C", str(sources.stubs()), f"ARCH={architecture}", f"BUILD={scratch}", *words, "all"]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")},
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-TAIL:])
        raise Unanswered(
            f"the stub could not be built with {variables['CC']}:\n{said}", "--cc names another compiler"
        )
