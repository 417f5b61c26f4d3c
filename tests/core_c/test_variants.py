"""The stub with features left out: it links into the same kernels, offers less, and is smaller."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.stub_host import STUBS, Host, HostBuild

VARIANTS = {
    "minimal": ("MINIMAL=1", 8),
    "lldb and non-stop": ("WITHOUT=trace agent", 35),
    "no LLDB": ("WITHOUT=lldb", 45),
    "no documents": ("WITHOUT=documents", 41),
    "no words": ("WITHOUT=texts", 44),
    "nothing of the port is guarded": ("WITHOUT=guard", 33),
    "no threads": ("WITHOUT=threads", 41),
    "no copies": ("WITHOUT=copies", 42),
    "no vCont": ("WITHOUT=vcont", 43),
    "no queue": ("WITHOUT=queue", 47),
    "all": ("WITHOUT=", 47),
}
"""Arguments of make, and KiB of text and read-only data that it may have: a bound that growth runs into."""
STATE = 4096
"""Bytes of static data that a kernel gives besides buffers."""


def make(folder: Path, *arguments: str) -> None:
    command = ["make", "-C", str(STUBS), f"BUILD={folder}", *arguments]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr


def code_size(path: Path) -> int:
    """Bytes of code and read-only data, relocated tables among them."""
    said = subprocess.run(["size", str(path)], capture_output=True, text=True, check=True).stdout
    text, data, _ = (int(word) for word in said.splitlines()[1].split()[:3])
    return text + data


@pytest.mark.parametrize("name", VARIANTS)
def test_each_links_into_the_same_kernels_and_keeps_its_size(name: str, tmp_path: Path) -> None:
    argument, kilobytes = VARIANTS[name]
    make(tmp_path, argument)
    made = tmp_path / "x86_64" / "unidbg.o"
    names = subprocess.run(["nm", str(made)], capture_output=True, text=True, check=True).stdout
    assert not re.search(r" U ", names)
    for wanted in (
        "unidbg_init",
        "unidbg_trap",
        "unidbg_irq",
        "unidbg_tick",
        "unidbg_write",
        "unidbg_column",
    ):
        assert re.search(rf" T {wanted}$", names, re.MULTILINE), wanted
    assert code_size(made) <= kilobytes * 1024


def test_the_state_is_small(tmp_path: Path) -> None:
    source = tmp_path / "state.c"
    source.write_text(
        f'#include <unidbg/stub.h>\n_Static_assert(sizeof(struct unidbg_stub) <= {STATE}, "");\n'
    )
    subprocess.run(["cc", f"-I{STUBS}/include", "-fsyntax-only", str(source)], check=True)


@pytest.fixture(scope="module")
def minimal(tmp_path_factory: pytest.TempPathFactory) -> HostBuild:
    """The host program with the least of features."""
    folder = tmp_path_factory.mktemp("minimal")
    make(folder, "MINIMAL=1", "host")
    return HostBuild(folder / "host" / "unidbg-host", folder / "host" / "guest.elf")


def test_the_least_reads_writes_stops_and_steps(minimal: HostBuild, names: dict[str, int]) -> None:
    with Host(minimal) as host:
        host.no_ack()
        features = host.ask(b"qSupported:error-message+")
        for word in (b"qXfer", b"QNonStop", b"hwbreak", b"Conditional", b"registers"):
            assert word not in features
        assert host.ask(b"m%x,5" % names["text"]) == b"hello".hex().encode()
        assert host.ask(b"M%x,1:41" % names["buffer"]) == b"OK"
        assert host.ask(b"Z0,%x,1;X3,220127" % names["count"]) == b"E1c", "conditions are refused"
        assert host.ask(b"Z0,%x,1" % names["count"]) == b"OK"
        assert b"swbreak" in host.ask(b"c")
        assert host.ask(b"s").startswith(b"T05")
        assert host.ask(b"C05").startswith(b"T05")
        assert host.ask(b"S05").startswith(b"T05")
        assert len(host.ask(b"g")) == 2 * 552
        for packet in (
            b"vCont?",
            b"vCont;c",
            b"X%x,0:" % names["buffer"],
            b"x%x,1" % names["buffer"],
            b"QAllow:WriteMem:0",
            b"vUnidbgLook|?",
            b"qfThreadInfo",
            b"Hg0",
            b"p0",
            b"G00",
            b"Z2,202000,8",
            b"qRcmd,68656c70",
            b"QNonStop:1",
            b"QTinit",
            b"jThreadsInfo",
            b"qCRC:0,1",
        ):
            assert host.ask(packet) == b"", packet
        assert host.ask(b"qUnidbgStop").startswith(b"kind:step;signal:05;")
        assert host.ask(b"D") == b"OK"
