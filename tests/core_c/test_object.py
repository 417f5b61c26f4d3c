"""What a kernel links: one object per architecture that needs nothing and leaks no name."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.stub_host import STUBS

COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
ALL_BYTES = 24 * 1024


@pytest.fixture(scope="module", params=COMPILERS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the objects, from this compiler."""
    folder = tmp_path_factory.mktemp(str(request.param))
    made = subprocess.run(
        ["make", "-C", str(STUBS), f"CC={request.param}", f"BUILD={folder}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return folder / "x86_64"


def run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_object_needs_nothing(built: Path) -> None:
    assert run("nm", "-u", built / "unidbg.o") == ""


def test_only_names_of_unidbg_are_global(built: Path) -> None:
    names = [line.split()[-1] for line in run("nm", "-g", built / "unidbg.o").splitlines()]
    assert "unidbg_trap" in names
    assert [name for name in names if not name.startswith("unidbg_")] == []


def test_the_core_has_no_state_of_its_own(built: Path) -> None:
    """Everything that can be written is relocated constants (.data.rel.ro): the state is the caller's."""
    kinds = {line.split()[-2] for line in run("nm", built / "unidbg.o").splitlines() if len(line.split()) > 2}
    assert kinds <= {"T", "t", "r", "R", "d"}, kinds
    sections = run("readelf", "-SW", built / "unidbg.o")
    for name, size in re.findall(r"\] (\.(?:data|bss)\S*)\s+\S+\s+\S+\s+\S+\s+(\S+)", sections):
        assert ".rel.ro" in name or int(size, 16) == 0, name


def test_no_vector_register_is_touched_in_a_trap(built: Path) -> None:
    assert not re.search(r"%[xyz]mm", run("objdump", "-d", built / "unidbg.o"))


def test_entries_lie_sixteen_bytes_apart(built: Path) -> None:
    text = run("objdump", "-d", built / "entry.o")
    pushes = re.findall(r"^\s+([0-9a-f]+):.*push\s+\$0x([0-9a-f]+)\n.*jmp", text, re.MULTILINE)
    assert [int(number, 16) for _, number in pushes] == list(range(64))
    assert [int(address, 16) // 16 for address, _ in pushes] == list(range(64))


def test_the_note_is_where_the_abi_has_it(built: Path) -> None:
    notes = run("readelf", "-n", built / "note.o")
    assert re.search(r"unidbg\s+0x0*18\s", notes)


def test_every_file_names_its_licence() -> None:
    files = [path for kind in ("*.c", "*.h", "*.S", "Makefile") for path in STUBS.rglob(kind)]
    missing = [
        path
        for path in files
        if "build" not in path.parts and "SPDX-License-Identifier" not in path.read_text()
    ]
    assert len(files) > 30
    assert missing == []
