"""Images compiled by gcc for one test run, and guests that have just loaded them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from unidbg_symbols import Image

from tests.support.fake_target import FakeMemory

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "-g -O1 -ffreestanding -fno-stack-protector -fno-pic -no-pie -static -nostdlib "
    "-fasynchronous-unwind-tables -Wl,--build-id=sha1 -Wl,-Ttext-segment=0x100000"
)


@lru_cache(maxsize=1)
def folder() -> Path:
    """A folder of this test process; it goes with the process."""
    holder = tempfile.TemporaryDirectory(prefix="unidbg-images-")
    _HOLDERS.append(holder)
    return Path(holder.name)


_HOLDERS: list[tempfile.TemporaryDirectory[str]] = []


@lru_cache(maxsize=32)
def compile_image(source: str, flags: str = "") -> Path:
    """`source` (C with our probe headers at hand) as a static ELF file at 1 MiB."""
    name = hashlib.sha256(f"{source}\0{flags}".encode()).hexdigest()[:16]
    path, code = folder() / f"{name}.elf", folder() / f"{name}.c"
    code.write_text(source)
    command = [
        "gcc",
        *FLAGS.split(),
        *flags.split(),
        "-I",
        str(ROOT / "stubs/include"),
        "-o",
        str(path),
        str(code),
    ]
    subprocess.run(command, check=True, cwd=folder(), env={**os.environ, "LC_ALL": "C"})
    return path


def load(image: Image, bias: int = 0, *, extra: int = 4096) -> FakeMemory:
    """Guest memory with the image's segments in place, zeroed behind the file's bytes, and `extra` bytes
    more.
    """
    memory = FakeMemory()
    for segment in image.segments:
        if segment.p_type == 1 and segment.memsz:
            data = image.read(segment.vaddr, segment.filesz) if segment.filesz else b""
            size = segment.memsz + (extra if segment.flags & 2 else 0)
            memory.plant((segment.vaddr + bias) & 0xFFFF_FFFF_FFFF_FFFF, data.ljust(size, b"\0"))
    return memory
