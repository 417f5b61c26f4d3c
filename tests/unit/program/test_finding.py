"""Which files are tried as the image, in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fake_target import FakeTarget
from tests.support.kernel import kernel
from unidbg.config import Config
from unidbg.errors import ConfigError, ImageError
from unidbg.program.finding import ImageSpec, candidates, find_modules


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


def test_given_before_configured_before_found(tmp_path: Path) -> None:
    guest = kernel()
    guest.target.exec_path = "/nonexistent"
    configured = Config(str(tmp_path / "unidbg.toml"), {"image": {"files": [guest.path]}})
    assert find_modules(guest.target, [], configured).modules[0].image.path == guest.path
    broken = Config(str(tmp_path / "unidbg.toml"), {"image": {"files": ["nothing.elf"]}})
    with pytest.raises(ImageError, match=r"nothing\.elf"):
        find_modules(guest.target, [], broken)
    given = find_modules(guest.target, [ImageSpec(guest.path)], broken)
    assert given.modules[0].verified == "build-id"


def test_nothing_found_is_no_error() -> None:
    found = find_modules(FakeTarget(), [], Config())
    assert found.modules == ()
    assert found.note == ""
