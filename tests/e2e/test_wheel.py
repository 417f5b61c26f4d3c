"""The wheel as a stranger gets it: `unidbg stub` has the sources, and what it gives can be linked."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import ROOT

STUBS = ROOT / "stubs"
SOURCE = """
#include <unidbg/stub.h>
#include <unidbg/uart16550.h>
static struct unidbg_stub stub;
static struct unidbg_port port;
static struct unidbg_uart16550 line;
static char buffer[UNIDBG_BUFFER_QUEUED(4096)];
void unidbg_x86_64_handler(struct unidbg_frame *frame) { unidbg_trap(&stub, frame); }
void start(void) {
    unidbg_x86_64_port(&port);
    unidbg_uart16550_init(&line, 0x2f8, &port);
    unidbg_init(&stub, &port, buffer, sizeof buffer);
}
"""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Its output; it must succeed."""
    done = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def unidbg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of a fresh environment that holds the wheel; what it depends on is that of the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    [wheel] = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", folder / "venv")
    python = folder / "venv/bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel)
    [packages] = (folder / "venv").glob("lib/python3*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    assert str(folder) in run(python, "-c", "import unidbg; print(unidbg.__file__)", cwd=folder)
    return folder / "venv/bin/unidbg"


def tracked(folder: Path) -> Sequence[Path]:
    """Files of a folder of the repository, without what was built there."""
    return [
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and "build" not in path.relative_to(folder).parts
    ]


def test_the_copy_is_the_sources(unidbg: Path, tmp_path: Path) -> None:
    run(unidbg, "stub", "copy", "kit", cwd=tmp_path)
    for path in tracked(STUBS):
        assert (tmp_path / "kit" / path).read_bytes() == (STUBS / path).read_bytes(), path
    assert (tmp_path / "kit/PORTING.md").read_text().startswith("# Porting the stub to your kernel")


def test_what_is_built_can_be_linked(unidbg: Path, tmp_path: Path) -> None:
    run(unidbg, "stub", "build", "x86_64", "--output", "out", cwd=tmp_path)
    (tmp_path / "kernel.c").write_text(SOURCE)
    objects = ("out/unidbg.o", "out/entry.o", "out/note.o")
    flags = (
        "-ffreestanding",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-mno-red-zone",
        "-Wl,-e,start",
        "-Iout/include",
    )
    run("gcc", *flags, "-o", "kernel.elf", "kernel.c", *objects, cwd=tmp_path)
    assert "unidbg_trap" in run("nm", "kernel.elf", cwd=tmp_path)
