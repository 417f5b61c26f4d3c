"""The images that the symbol bench measures: a sample, and two programs from -dbg packages of Debian main.

Packages are downloaded by apt-get into the user's cache folder, once; without it those images are left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Subject:
    """An image and what is asked of it: a function, a struct, a global with a type.

    `code` is the file with the code where `path` has the debug information alone: it is what can be unwound.
    """

    label: str
    path: Path
    function: str
    struct: str
    variable: str
    code: Path | None = None


@lru_cache(maxsize=1)
def subjects() -> tuple[Subject, ...]:
    """a: a kernel of 0.6 MB; b: a C library, 10 MB of DWARF; d: Python, 18 MB; c: a vmlinux, if asked for."""
    found = [
        Subject("a", ROOT / "samples/build/x86_64/hello.elf", "boot_option", "unidbg_stub", "connections"),
        Subject("b", _libc(), "malloc", "malloc_state", "main_arena", _libc_itself()),
        Subject("d", _python(), "PyList_Append", "_object", "PyList_Type"),
    ]
    if os.environ.get("BENCH_LARGE"):
        found.append(Subject("c", _vmlinux(), "schedule", "task_struct", "init_task"))
    return tuple(subject for subject in found if subject.path.is_file())


def compressed() -> Subject:
    """b as Debian ships it: its sections compressed by zlib."""
    return Subject("b compressed", _libc_as_shipped(), "malloc", "malloc_state", "main_arena")


def _libc() -> Path:
    shipped = _libc_as_shipped()
    plain = _cache() / "libc.debug"
    if shipped.is_file() and not plain.is_file():
        subprocess.run(["objcopy", "--decompress-debug-sections", str(shipped), str(plain)], check=True)
    return plain


def _libc_itself() -> Path | None:
    """The library that runs here; its unwinding tables are as good as those of the build that is measured."""
    found = sorted(Path("/lib").glob("*-linux-gnu/libc.so.6"))
    return found[0] if found else None


def _libc_as_shipped() -> Path:
    found = list(_package("libc6-dbg").glob("usr/lib/debug/.build-id/*/*.debug"))
    return max(found, key=lambda path: path.stat().st_size, default=Path("missing"))


def _python() -> Path:
    return _package("python3.11-dbg") / "usr/bin/python3.11d"


def _vmlinux() -> Path:
    """The one that BENCH_LARGE names, else of linux-image-VERSION-dbg (a download of 600 MB and more)."""
    given = Path(os.environ["BENCH_LARGE"])
    if given.is_file():
        return given
    listed = subprocess.run(
        ["apt-cache", "depends", "linux-image-amd64-dbg"], capture_output=True, text=True, check=False
    ).stdout.split()
    names = [word for word in listed if word.startswith("linux-image-") and word != "linux-image-amd64-dbg"]
    found = [path for name in names for path in _package(name).glob("usr/lib/debug/boot/vmlinux-*")]
    return found[0] if found else Path("missing")


def _package(name: str) -> Path:
    """Where a package's files were unpacked; they are not installed."""
    folder = _cache() / name
    if not folder.is_dir() and shutil.which("apt-get"):
        work = _cache() / f"{name}.part"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        subprocess.run(["apt-get", "download", "-q", name], cwd=work, check=False, capture_output=True)
        for archive in work.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(archive), str(work)], check=True)
            archive.unlink()
            work.rename(folder)
    return folder


def _cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "unidbg-bench"
