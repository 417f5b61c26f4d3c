"""`unidbg rings --pcapng`: a whole file or none, on stdout or where it was asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.golden import sample
from tests.golden.conftest import Runner
from unidbg.views.base import Absent, View

MAGIC = b"\x0a\x0d\x0d\x0a"


def test_the_packets_go_into_the_file(unidbg: Runner, tmp_path: Path) -> None:
    ran = unidbg("rings", ":1234", "--pcapng", "out.pcapng")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "7 packets of 2 rings written to out.pcapng\n"
    assert (tmp_path / "out.pcapng").read_bytes().startswith(MAGIC)
    assert [path.name for path in tmp_path.iterdir() if "new" in path.name] == []


def test_a_link_is_followed_and_modes_are_the_users(unidbg: Runner, tmp_path: Path) -> None:
    (tmp_path / "real").touch()
    (tmp_path / "link").symlink_to("real")
    assert unidbg("rings", ":1234", "--pcapng", "link").code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes().startswith(MAGIC)
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("path", ["missing/out.pcapng", "."])
def test_where_nothing_can_be_written(unidbg: Runner, tmp_path: Path, path: str) -> None:
    ran = unidbg("rings", ":1234", "--pcapng", path)
    assert ran.code == 2
    assert ran.err.startswith("unidbg: error: ")
    assert path.split("/")[0] in ran.err


def test_a_file_that_was_there_survives_a_full_disk(
    unidbg: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: str, target: str) -> None:
        raise OSError(28, "No space left on device", source)

    (tmp_path / "out").write_text("before")
    monkeypatch.setattr("os.replace", full)
    ran = unidbg("rings", ":1234", "--pcapng", "out")
    assert (ran.code, (tmp_path / "out").read_text()) == (2, "before")
    assert "out: No space left on device" in ran.err
    assert {path.name for path in tmp_path.iterdir()} == {"out", "hello.elf", "later.elf"}


@pytest.mark.parametrize("option", ["--json", "--watch"])
def test_one_file_is_no_stream(unidbg: Runner, tmp_path: Path, option: str) -> None:
    ran = unidbg("rings", ":1234", "--pcapng", "out", option)
    assert (ran.code, (tmp_path / "out").exists()) == (2, False)
    assert "neither --json nor --watch" in ran.err


def test_without_rings_nothing_is_written(
    unidbg: Runner, tmp_path: Path, session: sample.FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def packets() -> View | Absent:
        return Absent("rings", "the guest exports no probes", "add a line", sample.PROVENANCE)

    monkeypatch.setattr(session, "packets", packets)
    ran = unidbg("rings", ":1234", "--pcapng", "out")
    assert (ran.code, (tmp_path / "out").exists()) == (2, False)
    assert ran.err == "unidbg: error: rings: the guest exports no probes\n  add a line\n"
