"""`python -m tests.support.demo`: make the dump of `unidbg demo` anew, from the sample crash.

The sources have names relative to the repository in it, whoever makes it where.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.e2e.guests import boot_guest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "unidbg" / "demo"
WAY = "null-write"


def main() -> None:
    """Build, boot, wait for the crash, dump, pack."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = build(folder)
        subprocess.run(["objcopy", "--compress-debug-sections=zlib", image, FOLDER / "crash.elf"], check=True)
        core = folder / "crash.core"
        with boot_guest(FOLDER / "crash.elf", append=f"crash={WAY}", ready=f"crash: {WAY}") as guest:
            guest.wait_for_line("exception|panic")
            make(guest.stub, core)
        pack(core, FOLDER / "crash.core.gz")


def pack(core: Path, to: Path) -> None:
    """By gzip, the same bytes each time."""
    with to.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(core.read_bytes())


def build(folder: Path) -> Path:
    """The sample, with the names of sources as they are in the repository."""
    for part in ("samples", "stubs"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("build"))
    compiler = folder / "gcc"
    compiler.write_text(f'#!/bin/sh\nexec gcc -ffile-prefix-map={folder}/= "$@"\n')
    compiler.chmod(0o700)
    make: list[str | Path] = ["make", "-s", "-C", folder / "samples", "crash", f"CC={compiler}"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    return folder / "samples" / "build" / "x86_64" / "crash.elf"


def make(url: str, core: Path, *, minimal: bool = False) -> None:
    """The guest's RAM alone, or what the views need of it, and nothing that names this host."""
    from unidbg.cli import dumping, receiving
    from unidbg.session import ImageSpec, Session

    tell = dumping.tell_guest

    def tell_less(session: Session, physical: bool) -> dict[str, object]:
        told = tell(session, physical)
        images = [{**image, "path": "crash.elf"} for image in told["images"]]  # type: ignore[attr-defined]
        return {**told, "target": "@crash", "images": images}

    dumping.tell_guest = tell_less
    try:
        with Session.open(url, images=[ImageSpec(str(FOLDER / "crash.elf"))]) as session:
            if minimal:
                receiving.minimal(session, str(core), pack=False)
            else:
                dumping.dump(session, str(core), pack=False, tick=lambda done, total: None)
    finally:
        dumping.tell_guest = tell


if __name__ == "__main__":
    main()
