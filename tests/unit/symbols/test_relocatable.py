"""Relocatable files: relocations applied to debug and unwind information, addresses given to sections."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import pytest
from unidbg_symbols import Image
from unidbg_symbols import types as t

from tests.unit.symbols import reference
from tests.unit.symbols.builds import SOURCES, folder, have, image, run

COMPILERS = ["gcc", "clang", "aarch64-linux-gnu-gcc"]


@lru_cache(maxsize=8)
def compiled(compiler: str) -> Path:
    """shapes.c, not linked."""
    path = folder() / f"{compiler}.o"
    # addr2line 2.40 misreads the range lists of clang's DWARF 5 before they are linked.
    version = "-gdwarf-4" if compiler == "clang" else "-gdwarf-5"
    flags = ["-c", version, "-O1", "-ffreestanding", "-fno-pic", "-w", "-ffunction-sections"]
    run([compiler, *flags, "-o", str(path), str(SOURCES / "shapes.c")])
    return path


@pytest.fixture(params=COMPILERS)
def path(request: pytest.FixtureRequest) -> Path:
    """A relocatable file of each compiler."""
    compiler: str = request.param
    if not have(compiler):
        pytest.skip(f"no {compiler}")
    return compiled(compiler)


def test_sections_do_not_overlap(path: Path) -> None:
    with Image.open(path) as opened:
        assert opened.elf_type == "rel"
        placed = sorted((s.addr, s.addr + s.size) for s in opened.sections if s.flags & 2 and s.size)
        assert all(first[1] <= second[0] for first, second in pairwise(placed))


def test_types_and_variables(path: Path) -> None:
    with Image.open(path) as opened:
        node, linked = opened.type("struct node"), image("gcc", "-g", "-O1").type("struct node")
        assert isinstance(node, t.StructType)
        assert isinstance(linked, t.StructType)
        assert [(m.name, m.offset) for m in node.members] == [(m.name, m.offset) for m in linked.members]
        for name in ("root", "shared_count", "private_count"):
            variable = opened.variable(name)
            assert variable.address == opened.symbol(name).address


def test_frames_equal_addr2line(path: Path) -> None:
    binutils = "aarch64-linux-gnu-" if "aarch64" in path.name else ""
    with Image.open(path) as opened:
        walk = opened.symbol("walk")
        for offset in range(0, walk.size, 12):
            asked = [f"{binutils}addr2line", "-f", "-i", "-j", ".text.walk", "-e", str(path), hex(offset)]
            lines = [line.split(" (discriminator")[0] for line in run(asked).splitlines()]
            frames = opened.frames_at(walk.address + offset)
            assert [text for f in frames for text in (f.function, f"{f.file}:{f.line or '?'}")] == lines


def test_rows_are_there_for_every_function(path: Path) -> None:
    with Image.open(path) as opened:
        for symbol in opened.symbols():
            if symbol.kind == "func" and symbol.size:
                row = opened.unwind_row(symbol.address + symbol.size - 1)
                assert row is not None
                assert symbol.address <= row.start < row.end <= symbol.address + symbol.size


def test_layouts_equal_a_full_walk(path: Path) -> None:
    with Image.open(path) as opened:
        for layout in set(reference.layouts(path)):
            found = opened.type(f"{layout.kind} {layout.name}")
            assert found.size == layout.size
