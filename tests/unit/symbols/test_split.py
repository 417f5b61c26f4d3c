"""Split debug information (.dwo and .dwp): the same answers as from an image that has it inside."""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path

import pytest
from unidbg_symbols import Image
from unidbg_symbols.damage import parsing
from unidbg_symbols.dwarf.split import parse_index
from unidbg_symbols.errors import ImageError, NoDebugInfo

from tests.unit.symbols.builds import LINK, SOURCES, folder, have, image, run
from tests.unit.symbols.test_types import layout_of

SPLIT = [("gcc", "-gdwarf-4"), ("gcc", "-gdwarf-5"), ("clang", "-gdwarf-4"), ("clang", "-gdwarf-5")]


@lru_cache(maxsize=8)
def compiled(compiler: str, version: str) -> Path:
    """A folder with `kernel` and its .dwo files."""
    where = folder() / f"split-{compiler}{version}"
    where.mkdir()
    for name in ("shapes", "other"):
        source, target = str(SOURCES / f"{name}.c"), f"{where}/{name}.o"
        flags = ["-gsplit-dwarf", version, "-O1", "-w", *LINK[:3]]
        # The name of the .dwo file is written as given: relative, with the folder of compilation beside it.
        run(["env", "-C", str(where), compiler, *flags, "-c", "-o", f"{name}.o", source])
        assert Path(target).exists()
    run([compiler, *LINK, "-w", "-o", str(where / "kernel"), str(where / "shapes.o"), str(where / "other.o")])
    return where


@pytest.fixture(params=SPLIT, ids=[" ".join(each) for each in SPLIT])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Image]:
    """(a folder of this test with the files, the image that has its debug information inside)."""
    compiler, version = request.param
    shutil.copytree(compiled(compiler, version), tmp_path / "here")
    return tmp_path / "here", image(compiler, version, "-O1")


def same(opened: Image, whole: Image) -> None:
    """Both say the same of types, variables, frames and locals."""
    for name in ("struct node", "struct bits", "union number", "struct opaque", "struct local_type"):
        assert layout_of(opened.type(name)) == layout_of(whole.type(name))
    assert opened.type("struct node").size == whole.type("node_t").size
    for name in ("root", "shared_count", "the_opaque"):
        variable = opened.variable(name)
        assert variable.type.name == whole.variable(name).type.name
        assert variable.address == opened.symbol(name).address
        assert variable.file.rsplit("/", 1)[-1] == whole.variable(name).file.rsplit("/", 1)[-1]
    assert len(opened.variables_named("calls")) == len(whole.variables_named("calls"))
    for symbol in ("walk", "other_walk"):
        here, there = opened.symbol(symbol).address, whole.symbol(symbol).address
        for offset in range(0, opened.symbol(symbol).size, 7):
            assert opened.frames_at(here + offset) == whole.frames_at(there + offset)
            ours = [[v.name for v in frame] for frame in opened.locals_at(here + offset)]
            assert ours == [[v.name for v in frame] for frame in whole.locals_at(there + offset)]
        function, other = opened.function_at(here), whole.function_at(there)
        assert function is not None
        assert other is not None
        assert function.type.name == other.type.name
        first, second = opened.locals_at(here)[-1], whole.locals_at(there)[-1]
        assert [v.type.name for v in first] == [v.type.name for v in second]
        assert [v.parameter and v.expression() for v in first] == [
            v.parameter and v.expression() for v in second
        ]


def test_files_are_found_where_the_compiler_put_them(place: tuple[Path, Image]) -> None:
    where, whole = place
    with Image.open(where / "kernel") as opened:
        same(opened, whole)
        assert opened._dwarf.missing == []


@pytest.mark.parametrize("tool", ["dwp", "llvm-dwp-14"])
def test_a_package_beside_the_image(place: tuple[Path, Image], tool: str, tmp_path: Path) -> None:
    where, whole = place
    if not have(tool):
        pytest.skip(f"no {tool}")
    with Image.open(where / "kernel") as opened:
        version = opened._dwarf.units()[0].version
    if version == 5 and (tool == "dwp" or whole is image("gcc", "-gdwarf-5", "-O1")):
        pytest.skip("binutils 2.40 does not end on DWARF 5, and LLVM 14 refuses gcc's")
    run(["env", "-C", str(where), tool, "-e", str(where / "kernel"), "-o", str(tmp_path / "kernel.dwp")])
    moved = tmp_path / "kernel"
    shutil.copy(where / "kernel", moved)
    hidden = hide(moved)
    try:
        with Image.open(moved) as opened:
            same(opened, whole)
    finally:
        restore(hidden)


def hide(moved: Path) -> list[Path]:
    """Hide the .dwo files that the image names by their folder of compilation; the hidden ones."""
    with Image.open(moved) as opened:
        folders = {unit.root.text(0x1B) for unit in opened._dwarf.units()}
    found = [path for name in folders for path in Path(name).glob("*.dwo")]
    for path in found:
        path.rename(path.with_suffix(".hidden"))
    return found


def restore(paths: list[Path]) -> None:
    """Undo `hide`."""
    for path in paths:
        path.with_suffix(".hidden").rename(path)


def test_missing_files_are_named(place: tuple[Path, Image], tmp_path: Path) -> None:
    where, _ = place
    moved = tmp_path / "kernel"
    shutil.copy(where / "kernel", moved)
    hidden = hide(moved)
    try:
        with Image.open(moved) as opened:
            with pytest.raises(NoDebugInfo, match=r"files that are not there \(shapes.dwo, other.dwo\)"):
                opened.type("struct node")
            walk = opened.symbol("walk").address
            assert opened.line_at(walk) is not None
            assert [frame.function for frame in opened.frames_at(walk)] == ["walk"]
    finally:
        restore(hidden)


@pytest.mark.parametrize("data", [b"", b"\5\0\0\0", b"\2\0\0\0" + b"\xff" * 12])
def test_a_damaged_index_of_a_package_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError), parsing("a package"):
        parse_index(data, "<")
    assert parse_index(bytes(64), "<") == {}
