"""Images built once per test process, by the compilers that are there."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from unidbg_symbols import Image

SOURCES = Path(__file__).with_name("sources")
LINK = ("-ffreestanding", "-fno-stack-protector", "-fno-pic", "-no-pie", "-static", "-nostdlib")
_HOLDERS: list[tempfile.TemporaryDirectory[str]] = []


@lru_cache(maxsize=1)
def folder() -> Path:
    """A folder of this test process; it goes with the process."""
    holder = tempfile.TemporaryDirectory(prefix="unidbg-symbols-")
    _HOLDERS.append(holder)
    return Path(holder.name)


@lru_cache(maxsize=64)
def build(compiler: str, *flags: str, sources: tuple[str, ...] = ("shapes.c", "other.c")) -> Path:
    """The sources linked into one image."""
    path = folder() / f"{len(list(folder().iterdir()))}.elf"
    files = [str(SOURCES / name) for name in sources]
    command = [compiler, *LINK, "-Wl,--build-id=sha1", "-w", *flags, "-o", str(path), *files]
    run(command)
    return path


@lru_cache(maxsize=64)
def image(compiler: str, *flags: str, sources: tuple[str, ...] = ("shapes.c", "other.c")) -> Image:
    """The image opened."""
    return Image.open(build(compiler, *flags, sources=sources))


def run(command: list[str], text: str | None = None) -> str:
    """What a tool prints; it must succeed."""
    environment = {"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/local/bin", "DEBUGINFOD_URLS": ""}
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, cwd=folder(), env=environment
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def have(*tools: str) -> bool:
    """Whether all tools are installed."""
    return all(shutil.which(tool) for tool in tools)


# Compiler, DWARF version, optimisation: what the comparisons run over.
FLAVOURS = [
    ("gcc", "-gdwarf-2", "-gstrict-dwarf", "-O0"),
    ("gcc", "-gdwarf-3", "-O2"),
    ("gcc", "-gdwarf-4", "-O0"),
    ("gcc", "-gdwarf-4", "-O2", "-fdebug-types-section"),
    ("gcc", "-gdwarf-5", "-O2"),
    ("gcc", "-gdwarf-5", "-Og", "-ffunction-sections", "-fno-omit-frame-pointer"),
    ("gcc", "-gdwarf-5", "-gdwarf64", "-O1"),
    ("gcc", "-gdwarf-5", "-O2", "-gz=zlib"),
    ("gcc", "-g3", "-O1", "-flto"),
    ("clang", "-gdwarf-2", "-O0"),
    ("clang", "-gdwarf-4", "-O2"),
    ("clang", "-gdwarf-5", "-O0"),
    ("clang", "-gdwarf-5", "-O2"),
    ("clang", "-gdwarf-5", "-O2", "-fuse-ld=lld", "-ffunction-sections", "-Wl,--gc-sections"),
    ("clang", "-gdwarf-5", "-gdwarf64", "-O2"),
    ("aarch64-linux-gnu-gcc", "-gdwarf-5", "-O2"),
    ("aarch64-linux-gnu-gcc", "-gdwarf-4", "-O0"),
]
IDS = [" ".join(flavour) for flavour in FLAVOURS]
