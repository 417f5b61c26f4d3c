"""A guest of thirteen bytes that counts, and a Linux process that does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from unidbg_symbols import Image

from unidbg.target import open_target
from unidbg.target.guests import GuestRecord, launch, stop

COUNTER = """
    .section .note.Xen, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long _start
    .text
    .code32
    .globl _start, again
_start:
    mov $top, %esp
again:
    incl counter
    jmp again
    .data
    .globl counter, words
counter: .quad 0
words: .ascii "a guest that counts"
    .bss
    .space 4096
top:
"""
PROCESS = "int counter; int main(void) { for (;;) counter++; }"


@dataclass(frozen=True)
class Counting:
    """A running guest (or process), its lines and its symbols."""

    image: Path
    addresses: dict[str, int]
    line: str
    record: GuestRecord | None = None


def compile_counter(folder: Path) -> Path:
    """The guest's image, with a PVH entry that QEMU boots."""
    source, image = folder / "counter.S", folder / "counter.elf"
    source.write_text(COUNTER)
    subprocess.run(
        ["gcc", "-nostdlib", "-static", "-no-pie", "-Wl,-Ttext=0x100000", "-o", str(image), str(source)],
        check=True,
    )
    return image


@pytest.fixture(scope="session")
def counter_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_counter(tmp_path_factory.mktemp("counter"))


@pytest.fixture
def guest(counter_image: Path) -> Iterator[Counting]:
    """In QEMU with two vCPUs."""
    record = launch(str(counter_image), accelerator="tcg", port=0, cpus=2)
    counting = Counting(counter_image, symbols(counter_image), record.lines["gdbstub"], record)
    try:
        wait_for_count(counting)
        yield counting
    finally:
        stop(record.name)


def wait_for_count(guest: Counting) -> None:
    """Until the firmware is through, and the guest counts."""
    deadline = time.monotonic() + 20.0
    with closing(open_target(guest.line)) as target:
        while target.memory.read(guest.addresses["counter"], 4) == bytes(4):
            assert time.monotonic() < deadline, "the guest does not boot"
            time.sleep(0.01)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Counting]:
    """Under gdbserver; both are ended by their numbers."""
    source, image = tmp_path / "count.c", tmp_path / "count"
    source.write_text(PROCESS)
    subprocess.run(["gcc", "-O0", "-static", "-no-pie", "-o", str(image), str(source)], check=True)
    server = subprocess.Popen(
        ["gdbserver", "--once", "127.0.0.1:0", str(image)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    said = ""
    while not (port := re.search(r"port (\d+)", said)):
        said += server.stderr.readline()
    child = re.search(r"pid = (\d+)", said)
    assert child is not None
    try:
        yield Counting(image, symbols(image), f"127.0.0.1:{port[1]}")
    finally:
        server.terminate()
        server.wait(10)
        server.stderr.close()
        with suppress(ProcessLookupError):
            os.kill(int(child[1]), signal.SIGKILL)


def symbols(path: Path) -> dict[str, int]:
    image = Image.open(path)
    return {symbol.name: symbol.address for symbol in image.symbols()}
