"""`unidbg stub copy`: the sources into a folder of the user's."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from unidbg.cli.exits import Unanswered
from unidbg.cli.kit import sources
from unidbg.views.host import KitFile, KitReport


def copy(folder: Path, *, force: bool = False) -> KitReport:
    """Sources, headers, Makefile and the pages on porting. Files of others in `folder` stay.

    `Unanswered` if a file there would be overwritten with something else, unless `force`.
    """
    wanted = {path: (sources.stubs() / path).read_bytes() for path in sources.files()}
    for page, name in sources.PAGES.items():
        wanted[Path(name)] = _page(sources.home() / "docs" / page)
    if not force:
        _refuse_to_overwrite(folder, wanted)
    for path, data in wanted.items():
        _write(folder / path, data)
    return KitReport("copied", str(folder), tuple(sources.architectures()), _listed(wanted))


def _refuse_to_overwrite(folder: Path, wanted: dict[Path, bytes]) -> None:
    differing = [path for path, data in wanted.items() if _differs(folder / path, data)]
    if differing:
        raise Unanswered(
            f"{folder / differing[0]} is there and differs ({len(differing)} such files)",
            "give another folder, or --force to overwrite them",
        )


def _differs(path: Path, data: bytes) -> bool:
    return path.exists() and (not path.is_file() or path.read_bytes() != data)


def _page(path: Path) -> bytes:
    """A page, its links to other pages turned to where those lie in the copy."""

    def turned(link: re.Match[str]) -> str:
        text, page, anchor = link.groups()
        return f"[{text}]({sources.PAGES[page]}{anchor})" if page in sources.PAGES else text

    text = path.read_text(encoding="utf-8")
    return re.sub(r"\[([^]]*)\]\(([a-z-]+\.md)(#[^)]*)?\)", turned, text).encode()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _listed(wanted: dict[Path, bytes]) -> tuple[KitFile, ...]:
    return tuple(KitFile(path.as_posix(), len(data)) for path, data in sorted(wanted.items()))


def put(source: Path, folder: Path, name: str) -> KitFile:
    """A copy of one file, in place at once."""
    to = folder / name
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f"{to.name}.{os.getpid()}.new")
    shutil.copyfile(source, beside)
    beside.replace(to)
    return KitFile(name, to.stat().st_size)
