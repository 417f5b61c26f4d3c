"""The log in memory and the log on the line are the same."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.elf import symbols
from tests.e2e.samples.guest import Guest


def read_ring(guest: Guest, scratch: Path) -> tuple[bytes, int]:
    """The ring's bytes, oldest first, and the number written since boot.

    The guest stands meanwhile, perhaps between the ring and the line: the rest of a line comes later.
    """
    guest.qmp.execute("stop")
    header = guest.qmp.physical(symbols(guest.elf)["ring"], 24, scratch)
    buffer, size, written = struct.unpack("<QQQ", header)
    ring = guest.qmp.physical(buffer, size, scratch)
    guest.qmp.execute("cont")
    if written <= size:
        return ring[:written], written
    at = written % size
    return ring[at:] + ring[:at], written


def test_ring_equals_the_serial_output(boot: Boot, tmp_path: Path) -> None:
    guest = boot("hello")
    guest.wait_for(r"sorted 400$")
    ring, written = read_ring(guest, tmp_path / "memory")
    assert len(ring) == written
    assert guest.read_console(written) == ring


def test_ring_keeps_the_end_when_it_overflows(boot: Boot, tmp_path: Path) -> None:
    guest = boot("hello")
    guest.wait_for(r"hello, world$")
    for n in range(250):
        guest.type_text(f"line {n:03} {'.' * 60}\n")
        guest.wait_for(rf'you said "line {n:03} \.+"$')
    ring, written = read_ring(guest, tmp_path / "memory")
    assert written > len(ring)
    assert guest.read_console(written)[-len(ring) :] == ring


def wait_for_ring(guest: Guest, text: bytes, scratch: Path) -> None:
    """Until the ring holds `text`. Before the kernel is loaded there is no ring yet."""
    ring = b""
    while text not in ring:
        header = guest.qmp.physical(symbols(guest.elf)["ring"], 24, scratch)
        if header[8:16].strip(b"\0"):
            ring, _ = read_ring(guest, scratch)


def test_quiet_keeps_the_ring_alone(boot: Boot, tmp_path: Path) -> None:
    guest = boot("hello", "log=quiet")
    wait_for_ring(guest, b"hello, world\n", tmp_path / "memory")
    guest.type_text("hi\n")
    wait_for_ring(guest, b'you said "hi"\n', tmp_path / "memory")
    guest.process.kill()
    assert guest.console.recv(1000) == b""
