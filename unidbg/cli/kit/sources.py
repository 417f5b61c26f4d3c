"""Where the stub's sources lie: in the installation as data, or in the tree of an editable one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from unidbg.cli.exits import Unanswered

SHARE = "share/unidbg"
MARK = "stubs/Makefile"
LEFT_OUT = frozenset({"build", "__pycache__"})
PAGES = {"porting.md": "PORTING.md", "abi.md": "ABI.md"}
"""Pages of the documentation, and what they are called beside the sources."""


@cache
def home() -> Path:
    """The folder that holds `stubs` and `docs`. `Unanswered` where the installation has neither."""
    found = next((place for place in _places() if (place / MARK).is_file()), None)
    if found is None:
        raise Unanswered(
            "this installation of unidbg has no sources of the stub",
            "install it anew from its wheel, or take the folder stubs/ of its repository",
        )
    return found


def _places() -> Iterator[Path]:
    """Where the sources can be, the tree that we run from first."""
    import unidbg

    yield Path(unidbg.__file__).resolve().parents[1]
    yield from _installed()


def _installed() -> Iterator[Path]:
    """As the installer noted it: that is right for a prefix, a user's folder, and a target folder."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        files = distribution("unidbg").files or []
    except PackageNotFoundError:
        return
    for file in files:
        if file.as_posix().endswith(f"{SHARE}/{MARK}"):
            yield Path(str(file.locate())).resolve().parents[1]


def stubs() -> Path:
    """The folder of the stub's sources."""
    return home() / "stubs"


def files() -> list[Path]:
    """Every source, header and page, relative to `stubs()`; what was built there is none."""
    root = stubs()
    inside = (path.relative_to(root) for path in sorted(root.rglob("*")) if path.is_file())
    return [path for path in inside if not LEFT_OUT & set(path.parts)]


def features() -> list[str]:
    """What can be left out of the stub, by the names of `make WITHOUT=`."""
    text = (stubs() / "core" / "features.h").read_text(encoding="utf-8")
    return re.findall(r"^#ifdef UNIDBG_WITHOUT_(\w+)", text, re.MULTILINE)


def architectures() -> list[str]:
    """The architectures that there is a stub for."""
    return sorted(path.name for path in (stubs() / "arch").iterdir() if path.is_dir())
