"""Source files: where they are looked for, and what is shown of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from unidbg.program.sources import MAX_LINE, Sources
from unidbg.views.base import Address, Location, SourceText

TEXT = "".join(f"line {number}\n" for number in range(1, 11))


def place(file: str | None, line: int | None) -> Location:
    return Location(Address(0x1000), "f", 0, file, line)


def written(path: Path, text: str = TEXT) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def found(sources: Sources, file: str, line: int = 5) -> SourceText:
    text = sources.around(place(file, line), 2, 2)
    assert text is not None
    return text


def test_lines_around_a_place(tmp_path: Path) -> None:
    path = written(tmp_path / "a.c")
    sources = Sources({}, [], str(tmp_path))
    assert found(sources, path) == SourceText(path, 3, 5, ("line 3", "line 4", "line 5", "line 6", "line 7"))
    assert found(sources, path, 1).lines == ("line 1", "line 2", "line 3")
    assert found(sources, path, 10).lines == ("line 8", "line 9", "line 10")
    assert found(sources, path, 11).note == "it has 10 lines only"
    assert sources.around(place(None, None), 2, 2) is None
    assert sources.around(place(path, 0), 2, 2) is None


def test_the_longest_prefix_of_the_map_counts(tmp_path: Path) -> None:
    right = written(tmp_path / "os" / "net" / "tcp.c")
    written(tmp_path / "all" / "libos" / "net" / "tcp.c")
    mapping = {"/build": str(tmp_path / "all"), "/build/libos/": str(tmp_path / "os")}
    sources = Sources(mapping, [], "/nowhere")
    assert sources.find("/build/libos/net/tcp.c") == right
    assert sources.find("/build/libos/./x/../net/tcp.c") == right
    assert sources.find("/build/libos2/net/tcp.c") is None


def test_the_end_of_the_path_is_found_beside_the_image_and_above_it(tmp_path: Path) -> None:
    path = written(tmp_path / "libos" / "loop.c")
    image = written(tmp_path / "build" / "x86_64" / "app.elf")
    for sources in (Sources({}, [image], "/nowhere"), Sources({}, [], str(tmp_path / "tests"))):
        assert sources.find("/elsewhere/src/libos/loop.c") == path
        assert sources.find("../libos/loop.c") == path
        assert sources.find("libos/loop.c") == path
        assert sources.find("/elsewhere/other/loop.c") is None, "a name alone proves nothing"
    written(tmp_path / "main.c")
    assert Sources({}, [], str(tmp_path)).find("main.c") == str(tmp_path / "main.c")


def test_what_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    text = found(Sources({}, [], str(tmp_path)), "/build/gone/away.c")
    assert (text.lines, text.file) == ((), "/build/gone/away.c")
    assert "[paths] sources" in text.note


@pytest.mark.parametrize("file", ["/dev/zero", "/proc/self/mem", "/", "a\0b", ""])
def test_only_regular_files_are_read(file: str, tmp_path: Path) -> None:
    sources = Sources({}, [], str(tmp_path))
    assert not (sources.around(place(file, 1), 0, 0) or SourceText("", 0, 0, ())).lines


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.c")
    assert found(Sources({}, [], str(tmp_path)), str(tmp_path / "pipe.c")).lines == ()


def test_lines_are_bounded_and_bytes_survive(tmp_path: Path) -> None:
    path = tmp_path / "a.c"
    path.write_bytes(b"x" * 5000 + b"\r\n\xff\x1b\r\n")
    first, second = found(Sources({}, [], "/"), str(path), 1).lines
    assert (len(first), second) == (MAX_LINE, "\udcff\x1b")


def test_a_file_that_changed_since_is_told(tmp_path: Path) -> None:
    path, image = written(tmp_path / "a.c"), written(tmp_path / "app.elf")
    os.utime(image, (1000, 1000))
    assert found(Sources({}, [image], "/"), path).note == "newer than the image"
    os.utime(path, (900, 900))
    assert found(Sources({}, [image], "/"), path).note == ""
