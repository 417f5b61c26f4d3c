"""Which QEMU boots an image."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from unidbg.errors import ConfigError
from unidbg.transport import systems
from unidbg.transport.qemu import Lines, Setup, arguments

LINES = Lines(stub="", gdbstub="127.0.0.1:0", qmp=("/q",), console="/c")


@pytest.fixture
def all_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for system in systems.SYSTEMS.values():
        (tmp_path / system.program).write_text("#!/bin/sh\n")
        (tmp_path / system.program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("all_there")
@pytest.mark.parametrize(
    ("architecture", "program", "machine", "cpu"),
    [
        ("x86_64", "qemu-system-x86_64", "q35", "max"),
        ("i386", "qemu-system-x86_64", "q35", "max"),
        ("aarch64", "qemu-system-aarch64", "virt", "max"),
        ("riscv64", "qemu-system-riscv64", "virt", "rv64"),
    ],
)
def test_the_image_says_which(architecture: str, program: str, machine: str, cpu: str) -> None:
    chosen = systems.machine_of(architecture, None)
    command = arguments(Setup("/i", architecture, chosen), LINES)
    assert Path(command[0]).name == program
    assert command[command.index("-M") + 1] == f"{machine},memory-backend=ram"
    assert command[command.index("-cpu") + 1] == cpu


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        ConfigError, match="no qemu-system-aarch64 on the PATH: apt-get install qemu-system-arm"
    ):
        systems.find_qemu("aarch64")


def test_what_nothing_boots() -> None:
    with pytest.raises(ConfigError, match="nothing here boots an image for mips"):
        systems.system_of("mips")
    with pytest.raises(ConfigError, match="no machine 'q35' for aarch64: virt"):
        systems.machine_of("aarch64", "q35")


def test_only_a_pc_may_run_on_the_processor_of_a_pc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert systems.is_native("x86_64")
    assert not systems.is_native("aarch64")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert not systems.is_native("x86_64")
