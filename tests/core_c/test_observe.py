"""The observe-only stub: clients look, stop it and let it go; no code is there by which to change it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.stub_host import STUBS, Host, HostBuild


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Object and host program, built OBSERVE=1."""
    path = tmp_path_factory.mktemp("observe")
    made = subprocess.run(
        ["make", "-C", str(STUBS), "OBSERVE=1", f"BUILD={path}", "all", "host"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return path


@pytest.fixture(scope="module")
def listing(folder: Path) -> str:
    """The object's code; and the same compiled file by file, where no function is inlined out of sight."""
    split = folder / "split"
    command = ["make", "-C", str(STUBS), "OBSERVE=1", "SPLIT=1", f"BUILD={split}"]
    subprocess.run(command, capture_output=True, check=True)
    objects = [str(place / "x86_64" / "unidbg.o") for place in (folder, split)]
    return subprocess.run(["objdump", "-dr", *objects], capture_output=True, text=True, check=True).stdout


def test_nothing_that_changes_the_guest_is_in_the_object(listing: str) -> None:
    for name in (
        "poke",
        "memory_write",
        "arch_register_set",
        "x86_emulate",
        "agent_evaluate",
        "x86_64_hardware",
    ):
        assert name not in listing, name


def test_no_system_register_is_written_but_what_its_own_reads_change(listing: str) -> None:
    assert "wrmsr" not in listing
    written = set(re.findall(r"mov\s+%r\w+,%((?:cr|db|dr)\d)", listing))
    assert written <= {"cr2"}, written


def test_it_needs_nothing_either(folder: Path) -> None:
    command = ["nm", "-u", str(folder / "x86_64" / "unidbg.o")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def test_a_client_can_look_but_not_touch(folder: Path, names: dict[str, int]) -> None:
    with Host(HostBuild(folder / "host" / "unidbg-host", folder / "host" / "guest.elf")) as host:
        host.no_ack()
        features = host.ask(b"qSupported")
        assert b"swbreak" not in features
        assert host.ask(b"vCont?") == b"vCont;c;C;t"
        assert host.ask(b"m%x,5" % names["text"]) == b"hello".hex().encode()
        assert len(host.ask(b"g")) > 1000
        for packet in (
            b"M%x,1:00" % names["buffer"],
            b"X%x,1:a" % names["buffer"],
            b"P0=0000000000000000",
            b"G00",
            b"Z0,%x,1" % names["count"],
            b"Z2,%x,8" % names["ticks"],
            b"z0,%x,1" % names["count"],
            b"s",
            b"S05",
            b"vCont;s",
            b"vCont;r0,1",
            b"c1000",
        ):
            assert host.ask(packet) == b"E01", packet
        assert host.ask(b"QAllow:WriteMem:1") == b"OK"
        assert host.ask(b"M%x,1:00" % names["buffer"]) == b"E01"
        assert host.ask(b"D") == b"OK"
        assert host.ask(b"?").startswith(b"T05")
