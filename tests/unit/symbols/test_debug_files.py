"""Stripped images: debug information found by build-id and by link, refused when it is another build's."""

from __future__ import annotations

from pathlib import Path

import pytest
from unidbg_symbols import Image, debug_files
from unidbg_symbols.errors import NoDebugInfo

from tests.unit.symbols.builds import build, image, run

GCC = ("gcc", "-gdwarf-5", "-O0")
NO_ID = ("gcc", "-gdwarf-5", "-O0", "-Wl,--build-id=none")


def split(path: Path, folder: Path, name: str = "kernel", *, link: bool = True) -> tuple[Path, Path]:
    """(stripped image, debug file) in a folder."""
    image_path, debug = folder / name, folder / f"{name}.debug"
    run(["objcopy", "--only-keep-debug", str(path), str(debug)])
    added = [f"--add-gnu-debuglink={debug}"] if link else []
    run(["objcopy", "--strip-all", *added, str(path), str(image_path)])
    return image_path, debug


def test_a_debug_link_is_followed(tmp_path: Path) -> None:
    stripped, debug = split(build(*NO_ID), tmp_path)
    with Image.open(stripped) as opened, Image.open(build(*NO_ID)) as whole:
        assert opened.has_dwarf
        assert opened.has_symbols
        assert opened.debug_path == str(debug)
        walk = opened.symbol("walk").address
        assert walk == whole.symbol("walk").address
        assert opened.type("struct node").size == whole.type("struct node").size
        assert opened.line_at(walk) == whole.line_at(walk)
        assert opened.frames_at(walk) == whole.frames_at(walk)
        assert opened.unwind_row(walk) == whole.unwind_row(walk)
        assert opened.read(walk, 8) == whole.read(walk, 8)


def test_a_link_to_another_build_is_refused(tmp_path: Path) -> None:
    stripped, debug = split(build(*NO_ID), tmp_path)
    debug.write_bytes(debug.read_bytes() + b"changed")
    with Image.open(stripped) as opened:
        assert not opened.has_dwarf
        with pytest.raises(NoDebugInfo, match="has no debug information"):
            opened.type("struct node")


def test_the_build_id_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stripped, debug = split(build(*GCC), tmp_path, link=False)
    identity = image(*GCC).build_id
    assert identity is not None
    home = tmp_path / "debug" / ".build-id" / identity.hex()[:2]
    home.mkdir(parents=True)
    debug.rename(home / f"{identity.hex()[2:]}.debug")
    with Image.open(stripped) as opened:
        assert not opened.has_dwarf
    monkeypatch.setattr(debug_files, "DIRECTORIES", (str(tmp_path / "debug"),))
    with Image.open(stripped) as opened:
        assert opened.has_dwarf
        assert opened.variable("root").type.name == "struct node"


def test_the_unstripped_image_beside_it_is_used_if_it_is_the_same_build(tmp_path: Path) -> None:
    stripped = tmp_path / "kernel"
    run(["strip", "-o", str(stripped), str(build(*GCC))])
    (tmp_path / "kernel.dbg").write_bytes(build(*GCC).read_bytes())
    with Image.open(stripped) as opened:
        assert opened.symbol("walk").address == image(*GCC).symbol("walk").address
        assert opened.debug_path.endswith("kernel.dbg")
    (tmp_path / "kernel.dbg").write_bytes(build("gcc", "-gdwarf-5", "-O2").read_bytes())
    with Image.open(stripped) as opened:
        assert not opened.has_symbols
        with pytest.raises(NoDebugInfo, match=r"kernel.dbg beside it has some: if both are of one build"):
            opened.symbol("walk")


def test_a_wrapper_names_the_file_with_the_symbols(tmp_path: Path) -> None:
    # Unikraft boots a stripped 32-bit file around its 64-bit kernel; the symbols are in NAME.dbg.
    wrapper = tmp_path / "kernel_qemu"
    run(["objcopy", "-O", "elf32-i386", "--strip-all", str(build(*GCC)), str(wrapper)])
    (tmp_path / "kernel_qemu.dbg").write_bytes(build(*GCC).read_bytes())
    with Image.open(wrapper) as opened:
        assert opened.bits == 32
        with pytest.raises(NoDebugInfo, match=r"32-bit wrapper; .*_qemu.dbg has the 64-bit kernel's symbols"):
            opened.symbol("walk")
        with pytest.raises(NoDebugInfo, match=r"kernel_qemu.dbg"):
            opened.variable("root")


def test_a_link_with_a_path_in_it_is_ignored(tmp_path: Path) -> None:
    stripped, _ = split(build(*NO_ID), tmp_path)
    data = bytearray(stripped.read_bytes())
    at = data.index(b"kernel.debug\0")
    data[at : at + 6] = b"../../"
    stripped.write_bytes(data)
    with Image.open(stripped) as opened:
        assert debug_files.debug_link(opened._elf) is None
        assert not opened.has_dwarf
