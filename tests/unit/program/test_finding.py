"""Which files are tried as the image, in which order."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.fake_target import FakeTarget
from tests.support.kernel import kernel
from unidbg.config import Config
from unidbg.errors import ConfigError, ImageError
from unidbg.program.finding import ImageSpec, candidates, find_modules, open_named


def test_specs() -> None:
    assert ImageSpec.parse("a.elf") == ImageSpec("a.elf")
    assert ImageSpec.parse("a.elf@0x1000") == ImageSpec("a.elf", 0x1000)
    assert ImageSpec.parse("a.elf@-4096") == ImageSpec("a.elf", -4096)
    with pytest.raises(ConfigError, match="FILE@0x1000"):
        ImageSpec.parse("a.elf@here")


def test_a_file_with_an_at_in_its_name_wins(tmp_path: Path) -> None:
    path = tmp_path / "a@0x10"
    path.touch()
    assert ImageSpec.parse(str(path)) == ImageSpec(str(path))


def test_the_unstripped_sibling_comes_before_what_the_target_names(tmp_path: Path) -> None:
    for name in ("app", "app.dbg", "build/app"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    config = Config(str(tmp_path / "unidbg.toml"), {"paths": {"build": ["build"]}})
    target = FakeTarget(exec_path=str(tmp_path / "app"))
    found = [Path(path).relative_to(tmp_path).as_posix() for path in candidates(target, config)]
    assert found == ["app.dbg", "app", "build/app"]


def test_given_before_configured(tmp_path: Path) -> None:
    guest = kernel()
    configured = Config(str(tmp_path / "unidbg.toml"), {"image": {"files": [f"{guest.path}@0x1000"]}})
    assert [(n.image.path, n.bias) for n in open_named([], configured)] == [(guest.path, 0x1000)]
    assert [(n.image.path, n.bias) for n in open_named([ImageSpec(guest.path)], configured)] == [
        (guest.path, None)
    ]
    broken = Config(str(tmp_path / "unidbg.toml"), {"image": {"files": ["nothing.elf"]}})
    with pytest.raises(ImageError, match=r"nothing\.elf"):
        open_named([], broken)


def test_of_what_is_found_the_one_with_symbols_is_taken(tmp_path: Path) -> None:
    guest = kernel()
    stripped = tmp_path / "app"
    subprocess.run(["objcopy", "--strip-all", guest.path, str(stripped)], check=True)
    guest.target.exec_path = str(stripped)
    alone = find_modules(guest.target, [], Config())
    assert alone.modules[0].image.path == str(stripped)
    (tmp_path / "app.debug").symlink_to(guest.path)
    assert find_modules(guest.target, [], Config()).modules[0].image.path == str(tmp_path / "app.debug")


def test_nothing_found_is_no_error() -> None:
    found = find_modules(FakeTarget(), [], Config())
    assert found.modules == ()
    assert found.note == ""
