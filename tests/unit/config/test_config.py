"""Where configuration is found, who wins, and what an error says."""

from __future__ import annotations

from pathlib import Path

import pytest

from unidbg.config import load
from unidbg.errors import ConfigError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_nothing_anywhere(tmp_path: Path) -> None:
    config = load(tmp_path, {"HOME": str(tmp_path)})
    assert config.path is None
    assert config.text("target", "url") is None
    assert config.strings("image", "files") == ()


def test_found_upward_and_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    write(tmp_path / "unidbg.toml", '[image]\nfiles = ["build/app.elf"]\n')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    config = load(below, {})
    assert config.resolve(config.strings("image", "files")[0]) == str(tmp_path / "build/app.elf")


def test_pyproject_has_a_tool_section(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[project]\nname = "x"\n[tool.unidbg.target]\nurl = ":1234"\n')
    assert load(tmp_path, {}).text("target", "url") == ":1234"


def test_a_pyproject_without_our_section_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "unidbg.toml", '[target]\nurl = ":1"\n')
    write(tmp_path / "sub" / "pyproject.toml", '[project]\nname = "x"\n')
    assert load(tmp_path / "sub", {}).text("target", "url") == ":1"


def test_precedence_environment_project_user(tmp_path: Path) -> None:
    write(tmp_path / "xdg" / "unidbg" / "unidbg.toml", '[ui]\ntheme = "user"\nrefresh = 2\n')
    write(tmp_path / "p" / "unidbg.toml", '[ui]\ntheme = "project"\n[target]\nurl = ":1"\ntimeout = 3\n')
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "UNIDBG_TARGET": ":2", "UNIDBG_TIMEOUT": "7.5"}
    config = load(tmp_path / "p", environment)
    assert config.text("ui", "theme") == "project"
    assert config.number("ui", "refresh") == 2
    assert config.text("target", "url") == ":2"
    assert config.number("target", "timeout") == 7.5


def test_the_user_file_gives_nothing_but_ui(tmp_path: Path) -> None:
    write(tmp_path / "unidbg" / "unidbg.toml", '[target]\nurl = ":1"\n')
    assert load(tmp_path / "elsewhere", {"XDG_CONFIG_HOME": str(tmp_path)}).text("target", "url") is None


def test_images_of_the_environment_are_a_path_list(tmp_path: Path) -> None:
    config = load(tmp_path, {"UNIDBG_IMAGE": "/a.elf:/b.elf@0x1000"})
    assert config.strings("image", "files") == ("/a.elf", "/b.elf@0x1000")


def test_roots_are_free_names(tmp_path: Path) -> None:
    write(
        tmp_path / "unidbg.toml", '[roots]\nheap = "kernel_heap"\n[paths]\nsources = { "/build" = "src" }\n'
    )
    config = load(tmp_path, {})
    assert config.table("roots") == {"heap": "kernel_heap"}
    assert config.table("paths", "sources") == {"/build": "src"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[targets]\n", ["[targets]", "`target`"]),
        ("[target]\nulr = 1\n", ["ulr", "[target]", "`url`"]),
        ("[target]\nurl = 1\n", ["target.url", "a string", "1"]),
        ("[target]\ntimeout = true\n", ["target.timeout", "a number"]),
        ('[image]\nfiles = "a.elf"\n', ["image.files", "list of strings"]),
        ("target = 1\n", ["[target]"]),
        ("[target\n", ["not valid TOML", "line 1"]),
        ("\xff", []),
    ],
)
def test_errors_name_file_key_and_the_nearest(tmp_path: Path, text: str, words: list[str]) -> None:
    path = write(tmp_path / "unidbg.toml", "")
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {})
    for word in ["unidbg.toml", *words]:
        assert word in str(caught.value)


def test_a_bad_number_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="UNIDBG_TIMEOUT"):
        load(tmp_path, {"UNIDBG_TIMEOUT": "soon"})
