"""Images that dwz made smaller: partial units, and a supplementary file that two images share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from unidbg_symbols import Image
from unidbg_symbols.dwarf.supplement import supplement_link

from tests.unit.symbols import reference
from tests.unit.symbols.builds import build, run
from tests.unit.symbols.test_types import layout_of

DWZ = shutil.which("dwz")
GCC = ("gcc", "-gdwarf-5", "-O2")
OTHER = ("gcc", "-gdwarf-5", "-O0")
CXX = ("g++", "-gdwarf-5", "-O0", "-fno-exceptions", "-fno-rtti")

pytestmark = pytest.mark.skipif(DWZ is None, reason="no dwz")


def same(smaller: Path, whole: Path) -> None:
    """Both say the same of every struct, variable and function."""
    with Image.open(smaller) as opened, Image.open(whole) as original:
        for layout in set(reference.layouts(whole)):
            name = f"{layout.kind} {layout.name}"
            ours, theirs = opened.types_named(name), original.types_named(name)
            assert {(layout_of(t), t.name) for t in ours} == {(layout_of(t), t.name) for t in theirs}
        for name, _ in set(reference.static_variables(whole)):
            found = opened.variables_named(name)
            assert {v.address for v in found} == {v.address for v in original.variables_named(name)}
            assert opened.variable(name).type.name == original.variable(name).type.name
        for symbol in original.symbols():
            if symbol.kind == "func" and symbol.size:
                for address in range(symbol.address, symbol.address + symbol.size, 5):
                    assert opened.frames_at(address) == original.frames_at(address)


def test_partial_units(tmp_path: Path) -> None:
    for number, (flavour, sources) in enumerate(((GCC, ("shapes.c", "other.c")), (CXX, ("classes.cc",)))):
        whole = build(*flavour, sources=sources)
        smaller = tmp_path / f"{number}.elf"
        run([str(DWZ), "-o", str(smaller), str(whole)])
        same(smaller, whole)


def test_a_supplementary_file(tmp_path: Path) -> None:
    for name, flavour in (("first", GCC), ("second", OTHER)):
        shutil.copy(build(*flavour), tmp_path / name)
    run(["env", "-C", str(tmp_path), str(DWZ), "-m", "common.debug", "first", "second"])
    with Image.open(tmp_path / "first") as opened:
        link = supplement_link(opened._elf)
        assert link is not None
        assert link[0] == "common.debug"
    same(tmp_path / "first", build(*GCC))
    same(tmp_path / "second", build(*OTHER))


def test_a_supplementary_file_of_another_build_is_refused(tmp_path: Path) -> None:
    for name, flavour in (("first", GCC), ("second", OTHER)):
        shutil.copy(build(*flavour), tmp_path / name)
    run(["env", "-C", str(tmp_path), str(DWZ), "-m", "common.debug", "first", "second"])
    shutil.copy(build(*GCC), tmp_path / "common.debug")
    with Image.open(tmp_path / "first") as opened:
        assert opened._dwarf.supplement is None
        assert opened.line_at(opened.symbol("walk").address) is not None
