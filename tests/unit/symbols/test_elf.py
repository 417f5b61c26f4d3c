"""ELF: what readelf says, and named errors for what is no image."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from unidbg_symbols import Image
from unidbg_symbols.errors import ImageError, NoDebugInfo, SymbolError

from tests.unit.symbols.builds import build, folder, have, image, run

GCC = ("gcc", "-gdwarf-5", "-O0")


def test_header_fields() -> None:
    opened = image(*GCC)
    assert (opened.machine, opened.bits, opened.little_endian, opened.elf_type) == (
        "x86_64",
        64,
        True,
        "exec",
    )
    assert opened.entry == opened.symbol("_start").address
    assert opened.has_symbols
    assert opened.has_dwarf
    assert opened.path.endswith(".elf")


@pytest.mark.skipif(not have("aarch64-linux-gnu-gcc"), reason="no cross compiler")
def test_another_machine() -> None:
    assert image("aarch64-linux-gnu-gcc", "-gdwarf-5", "-O2").machine == "aarch64"


def test_sections_and_segments_equal_readelf() -> None:
    opened = image(*GCC)
    listed = run(["readelf", "-SW", opened.path])
    rows = re.findall(r"\[ *\d+\] (\S+) +\S+ +([0-9a-f]{16}) ([0-9a-f]+) ([0-9a-f]+)", listed)
    ours = [(s.name, s.addr, s.offset, s.size) for s in opened.sections[1:]]
    assert ours == [(name, int(a, 16), int(o, 16), int(s, 16)) for name, a, o, s in rows]
    loads = re.findall(
        r"^ +LOAD +(0x\S+) (0x\S+) \S+ (0x\S+) (0x\S+)", run(["readelf", "-lW", opened.path]), re.M
    )
    found = [(s.offset, s.vaddr, s.filesz, s.memsz) for s in opened.segments if s.p_type == 1]
    assert found == [tuple(int(each, 16) for each in row) for row in loads]


def test_build_id_equals_readelf() -> None:
    opened = image(*GCC)
    shown = re.search(r"Build ID: ([0-9a-f]+)", run(["readelf", "-n", opened.path]))
    assert shown is not None
    assert opened.build_id is not None
    assert opened.build_id.hex() == shown.group(1)
    note = next(note for note in opened.notes() if note.owner == "GNU" and note.type == 3)
    assert opened.read(note.address, len(note.desc)) == opened.build_id
    assert image("gcc", "-O0", "-Wl,--build-id=none").build_id is None


def test_notes_without_sections(tmp_path: Path) -> None:
    stripped = tmp_path / "no-sections.elf"
    run(["llvm-objcopy-14", "--strip-sections", str(build(*GCC)), str(stripped)])
    with Image.open(stripped) as opened:
        assert not opened.sections
        assert opened.build_id == image(*GCC).build_id
        assert opened.text_ranges
        assert not opened.has_symbols
        assert not opened.has_dwarf


def test_contents_at_link_addresses() -> None:
    opened = image(*GCC)
    start, end = opened.text_ranges[0]
    section = opened.section(".text")
    assert section is not None
    assert opened.read(start, end - start) == opened.contents(section)
    with pytest.raises(SymbolError, match="read them from the guest"):
        opened.read(opened.symbol("table").address, 4096)
    with pytest.raises(SymbolError, match="not in the file"):
        opened.read(0, 1)


def test_text_is_what_nobody_writes() -> None:
    opened = image(*GCC)
    assert all(opened.symbol_at(start) for start, _ in opened.text_ranges)
    data = opened.symbol("shared_count").address
    assert not any(start <= data < end for start, end in opened.text_ranges)


@pytest.mark.parametrize("form", ["zlib", "zlib-gnu"])
def test_compressed_sections(form: str) -> None:
    opened = image("gcc", "-gdwarf-4", "-O1", f"-gz={form}")
    assert opened.type("struct node").size == image(*GCC).type("struct node").size


def zstd_image(tmp_path: Path) -> Path:
    path = tmp_path / "zstd.elf"
    done = subprocess.run(
        ["objcopy", "--compress-debug-sections=zstd", build(*GCC), path], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("objcopy knows no zstd")
    return path


def test_zstd(tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    path = zstd_image(tmp_path)
    with Image.open(path) as opened:
        assert opened.type("struct node").size == image(*GCC).type("struct node").size
        section = opened.section(".debug_info")
        assert section is not None
    data = bytearray(path.read_bytes())
    for at in range(section.offset, section.offset + 60):
        data[at] ^= 0x5A
        path.write_bytes(data)
        with Image.open(path) as opened, suppress(ImageError):
            _ = opened.contents(section)
        data[at] ^= 0x5A


def test_without_zstd_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zstd_image(tmp_path)
    for name in ("zstandard", "compression", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with Image.open(path) as opened, pytest.raises(ImageError, match=r"pip install 'unidbg\[dump\]'"):
        opened.type("struct node")


def test_not_an_image(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    with pytest.raises(ImageError, match="not an ELF file; give the unstripped image") as caught:
        Image.open(text)
    assert caught.value.path == str(text)
    with pytest.raises(ImageError, match="cannot be opened: No such file"):
        Image.open(tmp_path / "missing")
    with pytest.raises(ImageError, match="not a regular file"):
        Image.open(tmp_path)
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(ImageError, match="not an ELF file"):
        Image.open(empty)


def test_a_truncated_image_says_so(tmp_path: Path) -> None:
    cut = tmp_path / "cut.elf"
    cut.write_bytes(build(*GCC).read_bytes()[:2000])
    with pytest.raises(ImageError, match="past the end of the file"):
        Image.open(cut)
    cut.write_bytes(build(*GCC).read_bytes()[:40])
    with pytest.raises(ImageError, match="truncated"):
        Image.open(cut)


def test_a_closed_image_says_so() -> None:
    opened = Image.open(build(*GCC))
    opened.close()
    opened.close()
    with pytest.raises(ImageError, match="was closed"):
        opened.symbol("walk")


def test_a_file_that_shrinks_while_open_is_no_crash(tmp_path: Path) -> None:
    copy = tmp_path / "copy.elf"
    copy.write_bytes(build(*GCC).read_bytes())
    with Image.open(copy) as opened:
        copy.write_bytes(b"\x7fELF")
        with pytest.raises(ImageError, match="became shorter"):
            opened.symbol("walk")


def test_a_stripped_image_says_what_to_give() -> None:
    stripped = folder() / "stripped.elf"
    run(["strip", "-o", str(stripped), str(build(*GCC))])
    with Image.open(stripped) as opened:
        assert not opened.has_symbols
        with pytest.raises(NoDebugInfo, match="unstripped image"):
            opened.symbol("walk")
        with pytest.raises(NoDebugInfo, match="build it with -g"):
            opened.type("struct node")
        assert opened.line_at(opened.entry) is None
        assert opened.function_at(opened.entry) is None
        assert opened.frames_at(opened.entry) == ()


HEAVY = ("typing", "dataclasses", "enum", "re", "collections", "elftools", "numpy", "asyncio", "inspect")


def test_a_look_up_imports_nothing_heavy() -> None:
    code = f"""
import sys
from contextlib import suppress
before = set(sys.modules)
from unidbg_symbols import Image
image = Image.open({str(build(*GCC))!r})
image.symbol("walk"), image.type("struct node").members, image.variable("root"), image.line_at(image.entry)
image.symbol_at(image.entry), image.frames_at(image.entry), image.unwind_row(image.entry)
print(*[name for name in {HEAVY} if name in set(sys.modules) - before])
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
