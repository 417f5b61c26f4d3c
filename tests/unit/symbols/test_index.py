"""The index cache: the same answers with it, and no harm from a damaged, old or foreign one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from unidbg_symbols import Image, index_file
from unidbg_symbols import types as t
from unidbg_symbols.errors import NoDebugInfo, SymbolNotFound, TypeNotFound

from tests.unit.symbols import reference
from tests.unit.symbols.builds import FLAVOURS, IDS, build, have
from tests.unit.symbols.test_types import layout_of

GCC = ("gcc", "-gdwarf-5", "-O0")
NO_ID = ("gcc", "-gdwarf-5", "-O0", "-Wl,--build-id=none")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "unidbg" / "index"


def indexed(flavour: tuple[str, ...]) -> Image:
    """An image opened after its index was written."""
    with Image.open(build(*flavour)) as first:
        first.write_index()
    return Image.open(build(*flavour))


@pytest.mark.parametrize("flavour", FLAVOURS, ids=IDS)
def test_every_answer_is_the_same(flavour: tuple[str, ...]) -> None:
    if not have(flavour[0]):
        pytest.skip(f"no {flavour[0]}")
    layouts = set(reference.layouts(build(*flavour)))
    variables = dict(reference.static_variables(build(*flavour)))
    with Image.open(build(*flavour)) as plain, indexed(flavour) as opened:
        assert opened._dwarf.index is not None
        for layout in layouts:
            name = f"{layout.kind} {layout.name}"
            found = {layout_of(each) for each in opened.types_named(name)}
            assert found == {layout_of(each) for each in plain.types_named(name)}
        for name in variables:
            ours = {each.address for each in opened.variables_named(name)}
            assert ours == {each.address for each in plain.variables_named(name)}
            assert opened.variable(name).address == plain.variable(name).address
            assert opened.variable(name).type.name == plain.variable(name).type.name
        assert opened.type("unsigned long").name == plain.type("unsigned long").name
        walk = opened.symbol("walk").address
        assert opened.frames_at(walk) == plain.frames_at(walk)
        with pytest.raises(TypeNotFound):
            opened.type("struct nowhere")
        with pytest.raises(SymbolNotFound):
            opened.variable("nowhere")
        assert opened._dwarf.index is not None


def test_only_what_is_needed_is_read() -> None:
    with indexed(GCC) as opened:
        assert opened.type("struct opaque").size == 16
        assert ".debug_info" not in opened._dwarf._sections


def test_a_copy_elsewhere_uses_the_same_index(tmp_path: Path) -> None:
    for flavour in (GCC, NO_ID):
        with indexed(flavour):
            pass
        copy = tmp_path / "copy.elf"
        copy.write_bytes(build(*flavour).read_bytes())
        with Image.open(copy) as opened:
            assert opened._dwarf.index is not None
            assert opened.variable("root").type.name == "struct node"


def test_another_build_does_not_use_it(cache: Path) -> None:
    with indexed(NO_ID):
        pass
    (written,) = cache.iterdir()
    with Image.open(build("gcc", "-gdwarf-5", "-O1", "-Wl,--build-id=none")) as other:
        assert other._dwarf.index is None
        # Even if it bears the right name.
        written.rename(cache / index_file.index_name(other._elf))
    with Image.open(build("gcc", "-gdwarf-5", "-O1", "-Wl,--build-id=none")) as other:
        assert other._dwarf.index is None
        assert other.type("struct node").size == 240


@pytest.mark.parametrize("cut", [0, 10, 79, 200])
def test_a_cut_index_is_ignored(cache: Path, cut: int) -> None:
    with indexed(GCC):
        pass
    (written,) = cache.iterdir()
    written.write_bytes(written.read_bytes()[:cut])
    with Image.open(build(*GCC)) as opened:
        assert opened._dwarf.index is None
        assert opened.type("struct node").size == 240


def test_an_index_that_lies_is_removed(cache: Path) -> None:
    with indexed(GCC):
        pass
    (written,) = cache.iterdir()
    data = bytearray(written.read_bytes())
    header = index_file._HEADER.unpack_from(data)
    start = index_file._HEADER.size + 8 * sum(header[3:6])
    for number in range(header[6]):
        at = start + 8 * number
        data[at : at + 8] = (int.from_bytes(data[at : at + 8], sys.byteorder) + 1).to_bytes(8, sys.byteorder)
    written.write_bytes(data)
    with Image.open(build(*GCC)) as opened:
        node = opened.type("struct node")
        assert isinstance(node, t.StructType)
        assert [m.name for m in node.members][:2] == ["next", "previous"]
        assert opened.variable("root").address == opened.symbol("root").address
    assert not written.exists()


def test_noise_in_the_index_changes_no_answer(cache: Path) -> None:
    with indexed(GCC):
        pass
    (written,) = cache.iterdir()
    good = written.read_bytes()
    for at in range(index_file._HEADER.size, len(good), 37):
        written.write_bytes(good[:at] + bytes((good[at] ^ 0x55,)) + good[at + 1 :])
        with Image.open(build(*GCC)) as opened:
            assert opened.type("struct node").size == 240
            assert opened.type("node_t").size == 240
            assert opened.variable("root").address == opened.symbol("root").address


def test_many_processes_write_at_once(cache: Path) -> None:
    code = f"from unidbg_symbols import Image; Image.open({str(build(*GCC))!r}).write_index()"
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [each.wait(60) for each in running] == [0, 0, 0, 0]
    assert len(list(cache.iterdir())) == 1
    with Image.open(build(*GCC)) as opened:
        assert opened._dwarf.index is not None


def test_the_folder_is_bounded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with indexed(GCC):
        pass
    (oldest,) = cache.iterdir()
    os.utime(oldest, (1, 1))
    monkeypatch.setattr(index_file, "_MOST_CACHED_BYTES", 100)
    with indexed(NO_ID) as opened:
        assert opened._dwarf.index is not None
    assert not oldest.exists()
    assert len(list(cache.iterdir())) == 1


def test_without_debug_information_there_is_none() -> None:
    with Image.open(build("gcc", "-O0")) as opened, pytest.raises(NoDebugInfo):
        opened.write_index()
